"""Renders a part of a page once for all who ask for it at the same time.

Fifty open pages hear the same notice and ask for the same part within a moment. Whoever asks while it is being
rendered may not have that rendering, since it may have begun before the change they heard of: they wait for the next
one, together. So nobody ever gets what was already old when they asked, and of fifty two render, at most.
"""

import threading
from collections.abc import Callable, Generator, Hashable
from concurrent.futures import Future
from contextlib import contextmanager

from server.web.lane import stepped_aside


class Shared:
    """The renderings of one process that are about to begin, by what they show and for whom."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._next: dict[Hashable, Future[str]] = {}
        self._turns: dict[Hashable, _Turn] = {}

    def render(self, key: Hashable, make: Callable[[], str]) -> str:
        """Return what `make` makes, or what it made for somebody else with the same key, begun after this call.

        The key must hold all that the text depends on beside the stored data: rights, language, time zone.
        """
        mine = Future[str]()
        with self._lock:
            coming = self._next.setdefault(key, mine)
            if coming is mine:
                turn = self._turns.setdefault(key, _Turn())
                turn.wanted += 1
            else:
                turn = None
        if turn is None:
            with stepped_aside():
                return coming.result()
        try:
            with turn.alone():
                with self._lock:
                    # It begins: whoever asks from now on waits for the next one.
                    del self._next[key]
                mine.set_result(make())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                if self._next.get(key) is mine:  # interrupted before it began
                    del self._next[key]
                turn.wanted -= 1
                if not turn.wanted:
                    del self._turns[key]
        return mine.result()


class _Turn:
    """Lets one render at a time, and is forgotten when nobody wants to any more."""

    def __init__(self) -> None:
        self._taken = threading.Lock()
        self.wanted = 0

    @contextmanager
    def alone(self) -> Generator[None]:
        with stepped_aside():
            self._taken.acquire()
        try:
            yield
        finally:
            self._taken.release()
