"""Keeps the gate's certificate fresh: asks for the next one at two thirds of its life, and moves over to it."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from access_protocol import codec, renewal, topics
from access_protocol.certificates import TlsIdentity, UnusableCertificateError, new_key
from access_protocol.codec import MalformedReportError
from access_protocol.renewal import CertificateIssued
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Transport
from gate_agent.clock import Clock
from gate_agent.local_store import Identity, LocalStore
from gate_agent.logs import Log

ASKED_EVERY = timedelta(hours=1)
"""How often a gate asks while it gets no answer."""

log = Log(__name__)


class Renewal:
    """`tick` asks when it is time; `receive` takes the answer; the next `tick` connects anew with it.

    A gate that does not know the time asks as well: the server answers only when it is time.
    """

    def __init__(
        self,
        identity: Identity,
        store: LocalStore,
        transport: Transport,
        clock: Clock,
        *,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`moment` counts seconds."""
        self._identity, self._store = identity, store
        self._transport, self._clock, self._moment = transport, clock, moment
        self._present: TlsIdentity = identity.tls
        self._next_key: bytes | None = None
        self._ask_due = float("-inf")
        self._renewed = threading.Event()

    def tick(self) -> None:
        """Do what is due; called several times a second, never on the transport's own thread."""
        if self._renewed.is_set():
            self._renewed.clear()
            self._transport.reconnect()
        if not self._transport.connected or self._moment() < self._ask_due:
            return
        if self._clock.trusted and not self._present.renewal_due(self._clock.now()):
            return
        self._ask_due = self._moment() + ASKED_EVERY.total_seconds()
        # The same key until it is answered: an answer that was lost is then given once more.
        self._next_key = self._next_key or new_key()
        topic = topics.build(
            self._identity.site, Kind.GATE, self._identity.device, Subject.RENEWAL, SERVER
        )
        asked = renewal.ask(self._present, self._next_key, self._identity.key)
        self._transport.publish(topic, asked)

    def receive(self, payload: bytes) -> None:
        """Take the server's answer. Raises `MalformedReportError` where it is nothing that can be used."""
        if self._next_key is None:
            return
        try:
            issued = codec.decode(CertificateIssued, payload)
            fresh = renewal.take(issued, self._present, self._next_key)
        except UnusableCertificateError as error:
            raise MalformedReportError(str(error)) from error
        try:
            self._store.renew(fresh)
        except OSError as error:
            # The present one is good for weeks, and the gate asks again.
            log.warning("certificate_not_kept", why=str(error))
            return
        self._present, self._next_key = fresh, None
        log.info("certificate_renewed", until=fresh.not_after.isoformat())
        self._renewed.set()
