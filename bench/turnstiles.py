"""Turnstiles and their gates that say what happens, with real identities and hash chains, without rotor and camera."""

import time
from datetime import UTC, datetime
from typing import NamedTuple, Self
from uuid import uuid4

from access_protocol import codec, topics
from access_protocol.codec import Report
from access_protocol.credential import CredentialClass
from access_protocol.events import (
    FIRST_HASH,
    Contact,
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    DecisionEntry,
    EntryBody,
    JournalBatch,
    JournalEntry,
    Lock,
    Outcome,
    OutcomeEntry,
    body_text,
    chained,
)
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from bench.real_site import RealSite
from demo.caller import wait_for

_WITHIN_S = 60.0


class Coming(NamedTuple):
    """Somebody who was let in and walks."""

    credential: str
    event: str


class ToldTurnstile:
    """One turnstile and its gate, both enrolled; the access point has the gate's name."""

    def __init__(self, site: RealSite, name: str) -> None:
        """Enrol both; nothing is connected before it is entered."""
        gate = site.add_gate(name).identity()
        controller, tls = site.enrol_controller(f"{name}-turnstile")
        self._site, self._gate, self._controller = gate.site, gate.device, controller
        at = gate.broker_host, gate.broker_port
        self._lines = [
            MqttTransport(BrokerAddress(*at, lambda: gate.tls), gate.device),
            MqttTransport(BrokerAddress(*at, lambda: tls), controller),
        ]
        self._journal, self._boot = str(uuid4()), str(uuid4())
        self._sequence, self._hash = 0, FIRST_HASH
        self._reports = 0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Connect gate and controller."""
        for line in self._lines:
            line.start()
        wait_for(
            "the broker", lambda: all(line.connected for line in self._lines) or None, _WITHIN_S
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect both."""
        for line in self._lines:
            line.stop()

    def lets_in(self, credential: str) -> Coming:
        """Journal that the gate granted access, and report that the turnstile was unlocked."""
        coming = Coming(credential, str(uuid4()))
        self._journaled(
            DecisionEntry(
                at=datetime.now(UTC),
                event=coming.event,
                access_point=self._gate,
                reason=None,
                credential=credential,
                credential_class=CredentialClass.STATIC,
                generation=1,
            )
        )
        self._reported(ControllerEventKind.UNLOCKED, coming.event)
        self._state(Lock.UNLOCKED)
        return coming

    def passed(self, coming: Coming) -> float:
        """Report that they passed, as controller and then as gate; return when the first report was published."""
        began = time.monotonic()
        self._reported(ControllerEventKind.PASSED, coming.event)
        self._reported(ControllerEventKind.LOCKED, coming.event)
        self._state(Lock.LOCKED)
        self._journaled(
            OutcomeEntry(
                at=datetime.now(UTC),
                event=coming.event,
                access_point=self._gate,
                outcome=Outcome.PASSED,
            )
        )
        return began

    def _journaled(self, body: EntryBody) -> None:
        text, previous = body_text(body), self._hash
        self._sequence, self._hash = self._sequence + 1, chained(previous, text)
        entry = JournalEntry(sequence=self._sequence, hash=self._hash.hex(), body=text)
        batch = JournalBatch(journal=self._journal, previous=previous.hex(), entries=(entry,))
        topic = topics.build(self._site, Kind.GATE, self._gate, Subject.JOURNAL, SERVER)
        self._publish(self._lines[0], topic, batch)

    def _reported(self, what: ControllerEventKind, event: str) -> None:
        self._reports += 1
        report = ControllerEvent(
            boot=self._boot,
            sequence=self._reports,
            uptime_ms=self._uptime_ms,
            what=what,
            event=event,
        )
        topic = topics.build(self._site, Kind.CONTROLLER, self._controller, Subject.EVENT)
        self._publish(self._lines[1], topic, report)

    def _state(self, lock: Lock) -> None:
        state = ControllerState(
            boot=self._boot,
            uptime_ms=self._uptime_ms,
            since_ms=self._uptime_ms,
            lock=lock,
            contact=Contact.NONE,
            firmware="bench",
        )
        topic = topics.build(self._site, Kind.CONTROLLER, self._controller, Subject.STATE)
        self._publish(self._lines[1], topic, state, retain=True)

    @property
    def _uptime_ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000)

    def _publish(
        self, line: MqttTransport, topic: str, report: Report, *, retain: bool = False
    ) -> None:
        if not line.publish(topic, codec.encode(report), retain=retain):
            raise RuntimeError(f"not published: {topic}")
