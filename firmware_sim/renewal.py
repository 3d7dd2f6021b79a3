"""Keeps a controller's certificate fresh. It has no clock for dates: it asks, and the server knows when it is time."""

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from access_protocol import codec, renewal, topics
from access_protocol.certificates import TlsIdentity, UnusableCertificateError, new_key
from access_protocol.codec import MalformedReportError
from access_protocol.renewal import CertificateIssued
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message, Transport
from firmware_sim import identity
from firmware_sim.identity import Enrolled
from firmware_sim.scheduler import Scheduler

ASKED_EVERY = timedelta(days=1)

_log = logging.getLogger(__name__)


class Renewal:
    """Asks after each connect and once a day; what it is given is written to flash, once in two months."""

    def __init__(
        self,
        folder: Path,
        enrolled: Enrolled,
        scheduler: Scheduler,
        *,
        on_renewed: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_renewed` is called on the scheduler's loop once the next certificate is stored."""
        self._folder, self._enrolled, self._scheduler = folder, enrolled, scheduler
        self._on_renewed = on_renewed
        self._next_key: bytes | None = None
        self._transport: Transport | None = None
        scheduler.post(lambda: scheduler.after(ASKED_EVERY, self._every_day))

    @property
    def tls(self) -> TlsIdentity:
        """What the controller shows to the broker at its next connect."""
        return self._enrolled.tls

    def attach(self, transport: Transport) -> None:
        """Work over the transport of this power-up; call before it starts."""
        self._transport = transport
        told = self._enrolled.identity
        topic = topics.build(told.site, Kind.SERVER, SERVER, Subject.CERTIFICATE, told.device)
        transport.subscribe_without_retained(
            topic, lambda message: self._scheduler.post(lambda: self._take(message))
        )
        transport.on_connection(lambda there: self._scheduler.post(self._ask) if there else None)

    def _every_day(self) -> None:
        self._scheduler.after(ASKED_EVERY, self._every_day)
        self._ask()

    def _ask(self) -> None:
        if self._transport is None or not self._transport.connected:
            return
        # The same key until it is answered: an answer that was lost is then given once more.
        self._next_key = self._next_key or new_key()
        told = self._enrolled.identity
        topic = topics.build(told.site, Kind.CONTROLLER, told.device, Subject.RENEWAL, SERVER)
        asked = renewal.ask(self.tls, self._next_key, self._enrolled.key)
        self._transport.publish(topic, asked)

    def _take(self, message: Message) -> None:
        if self._next_key is None:
            return
        try:
            issued = codec.decode(CertificateIssued, message.payload)
            fresh = renewal.take(issued, self.tls, self._next_key)
            self._enrolled = identity.renew(self._folder, self._enrolled, fresh)
        except (MalformedReportError, UnusableCertificateError, OSError) as error:
            _log.warning("the certificate stays as it is: %s", error)
            return
        self._next_key = None
        if self._transport is not None:
            self._transport.reconnect()
        self._on_renewed()
