"""One piece of work: what an action is given, and the office where pieces of work begin and end."""

import socket
from collections import defaultdict
from collections.abc import Callable, Generator, Hashable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session

from server.kernel import audit
from server.kernel.clock import Clock, SystemClock
from server.kernel.database import for_reading, for_writing, open_database
from server.kernel.events import Event
from server.kernel.ids import Ids
from server.kernel.principal import Principal
from server.kernel.sealing import Sealer
from server.kernel.settings import Settings

E = TypeVar("E", bound=Event)


class Reactions:
    """What follows from what: handlers by type of event, run in the order they were registered."""

    def __init__(self) -> None:
        """Begin with none."""
        self._handlers: defaultdict[type[Event], list[Callable[[Work, Any], None]]] = defaultdict(
            list
        )

    def on(self, kind: type[E], handler: Callable[["Work", E], None]) -> None:
        """Call `handler(work, event)` whenever an event of exactly this type is recorded."""
        self._handlers[kind].append(handler)

    def run(self, work: "Work", happened: Event) -> None:
        """Run the handlers of an event inside the work that recorded it."""
        for handler in self._handlers[type(happened)]:
            handler(work, happened)


@dataclass
class Work:
    """One piece of work, one transaction: actions take it first and never commit."""

    session: Session
    principal: Principal
    now: datetime
    """The moment of this work: one for all that is done in it."""
    ids: Ids
    settings: Settings
    sealer: Sealer
    reactions: Reactions
    posted: set[str] = field(default_factory=set[str], init=False)
    """Kinds of rows that this work wrote to the outbox: the worker is woken for them after the commit."""
    _done_once: set[Hashable] = field(default_factory=set[Hashable], init=False)
    _last: dict[Hashable, Callable[["Work"], None]] = field(
        default_factory=dict[Hashable, Callable[["Work"], None]], init=False
    )

    def record(self, happened: Event) -> None:
        """Record that something happened: write it to the audit trail and run what follows from it."""
        if happened.audited:
            audit.write(self.session, self.ids, self.principal, self.now, happened)
        self.reactions.run(self, happened)

    def at_the_end(self, key: Hashable, do: Callable[["Work"], None]) -> None:
        """Do this before the commit, once, however many events of this work ask for it under the same key."""
        self._last.setdefault(key, do)

    def is_first(self, key: Hashable) -> bool:
        """Tell whether nothing asked this under the same key before in this work: what counts once is done once."""
        first = key not in self._done_once
        self._done_once.add(key)
        return first

    def finish(self) -> None:
        """Do what was left for the end."""
        while self._last:
            self._last.pop(next(iter(self._last)))(self)


class Office:
    """Where pieces of work begin: holds the database, the clock and the reactions of one process."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, ids: Ids | None = None
    ) -> None:
        """Open the database of the settings; a test gives its own clock and source of ids."""
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.ids = ids or Ids(self.clock)
        self.engine = open_database(settings.database)
        self.sealer = Sealer(settings.master_key, settings.previous_master_key)
        self.reactions = Reactions()
        self._writing = for_writing(self.engine)
        self._reading = for_reading(self.engine)
        self._wake = _Wake(settings.worker_wake)

    @contextmanager
    def begin(self, principal: Principal) -> Generator[Work]:
        """Begin work that may write: committed once at the end, rolled back where an error leaves it."""
        with Session(self._writing, expire_on_commit=False) as session:
            work = self._work(session, principal)
            yield work
            work.finish()
            session.commit()
        if work.posted:
            self._wake.send(work.posted)

    @contextmanager
    def reading(self, principal: Principal) -> Generator[Work]:
        """Begin work that only asks; nothing is ever committed."""
        with Session(self._reading, expire_on_commit=False, autoflush=False) as session:
            yield self._work(session, principal)

    def close(self) -> None:
        """Let go of the database's connections."""
        self._wake.close()
        self.engine.dispose()

    def _work(self, session: Session, principal: Principal) -> Work:
        return Work(
            session=session,
            principal=principal,
            now=self.clock.now(),
            ids=self.ids,
            settings=self.settings,
            sealer=self.sealer,
            reactions=self.reactions,
        )


class _Wake:
    """Sends the datagram that tells the worker of which kinds there are new rows in the outbox."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host, int(port)) if host else None
        self._socket: socket.socket | None = None
        if self._address:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.settimeout(0)

    def send(self, kinds: Iterable[str]) -> None:
        if self._socket and self._address:
            try:
                self._socket.sendto(" ".join(kinds).encode(), self._address)
            except OSError:
                # Polling is the fallback: nothing is lost when nobody listens.
                return

    def close(self) -> None:
        if self._socket:
            self._socket.close()
