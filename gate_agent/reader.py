"""One reader: frames from its camera, texts from its decoder, decisions, and the portal opened."""

import threading
import time
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from access_protocol import rules
from access_protocol.decision import AccessDecision
from access_protocol.events import DecisionEntry
from access_protocol.ids import AccessPointId, DeviceId, EventId, PortalId, ZoneNumber
from access_protocol.knowledge import AccessPoint, Direction
from gate_agent.camera import Camera, CameraLost, Frame, RecordingEnded
from gate_agent.clock import Clock
from gate_agent.decoder.chain import DecoderChain
from gate_agent.feedback.base import Feedback
from gate_agent.gatekeeper import Gatekeeper
from gate_agent.health import ReaderGauge
from gate_agent.journal import Journal, JournalUnavailable
from gate_agent.knowledge import HeldKnowledge
from gate_agent.logs import Log
from gate_agent.portal import Portal

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
FROZEN_AFTER = timedelta(seconds=10)
"""A living camera's picture is never twice the same, because of its noise."""

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the readers of one gate share. `deciding` lets them decide one after the other."""

    gatekeeper: Gatekeeper
    knowledge: HeldKnowledge
    journal: Journal
    clock: Clock
    portal: Portal
    feedback: Feedback
    wake: threading.Event
    deciding: threading.Lock


class Reader:
    """Runs in a thread of its own until `stop` is set; camera failures are said and retried."""

    def __init__(
        self,
        point: AccessPointId,
        camera: Camera,
        chain: DecoderChain,
        desk: Desk,
        *,
        gauge: ReaderGauge,
        stop: threading.Event,
        can_freeze: bool = False,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`can_freeze`: the camera is a living one, whose picture always changes a little."""
        self._point_id = point
        self._camera = camera
        self._chain = chain
        self._desk = desk
        self._gauge = gauge
        self._stop = stop
        self._can_freeze = can_freeze
        self._moment = moment
        self._last_picture: tuple[int, float] | None = None
        self._journal_failed = False

    def run(self) -> None:
        """Look until `stop` is set."""
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                self._camera.open()
                self._last_picture = None
                while not self._stop.is_set():
                    frame = self._camera.read()
                    self._check_frozen(frame)
                    pause = FIRST_PAUSE_S
                    self._works()
                    self._look(frame)
            except RecordingEnded:
                log.info("recording_ended", access_point=self._point_id)
                self._gauge.running.set()
                self._stop.wait()
            except CameraLost as why:
                pause = self._fails(str(why), pause)
            except Exception as why:  # a reader that ends keeps its door shut until a restart
                log.exception("reader_failed", access_point=self._point_id)
                pause = self._fails(f"an error in this program: {type(why).__name__}", pause)
        self._camera.close()

    def present(self, texts: tuple[str, ...]) -> None:
        """Decide on the texts that stand before the reader, and have the portal opened if granted."""
        desk, now = self._desk, self._moment()
        if desk.gatekeeper.seen(texts, self._point_id, now):
            return
        event = EventId(str(uuid.uuid4()))
        known = desk.knowledge.policy.access_points.get(self._point_id)
        point = known or _undescribed(self._point_id)
        if known is not None:
            desk.portal.ask(event, known)
        desk.feedback.reading(self._point_id)
        decision = self._decide(texts, point, event, now)
        if decision is None:
            desk.portal.forget(event)
        elif decision.reason is None:
            # Shown first: what the portal then says must be the last word on the screen.
            desk.feedback.granted(self._point_id, event, decision)
            desk.portal.open(event)
        else:
            desk.portal.forget(event)
            desk.feedback.refused(self._point_id, event, decision.reason, decision)
        desk.wake.set()

    def _decide(
        self, texts: tuple[str, ...], point: AccessPoint, event: EventId, moment: float
    ) -> AccessDecision | None:
        desk = self._desk
        with desk.deciding:
            at = desk.clock.now()
            heard = desk.knowledge.heard
            circumstances = rules.Circumstances(
                now=at,
                clock_trusted=desk.clock.trusted,
                knowledge_age=None if heard is None else max(at - heard, timedelta()),
            )
            decision = desk.gatekeeper.decide(
                texts, point, desk.knowledge, desk.journal.history, circumstances, moment
            )
            if decision is None:
                return None
            return self._journaled(decision, event, entry_of(decision, event, point, circumstances))

    def _journaled(
        self, decision: AccessDecision, event: EventId, entry: DecisionEntry
    ) -> AccessDecision:
        desk = self._desk
        try:
            desk.journal.append(entry)
        except JournalUnavailable as error:
            log.warning("not_journaled", access=event, why=str(error))
            self._journal_failed = True
            desk.feedback.trouble("journal", str(error))
            return rules.not_journaled(decision)
        if self._journal_failed:
            self._journal_failed = False
            desk.feedback.trouble("journal", None)
        return decision

    def _look(self, frame: Frame) -> None:
        reading = self._chain.read(frame.image)
        self._gauge.frame(reading.ms)
        if reading.failure is not None:
            log.warning("not_decoded", access_point=self._point_id, why=reading.failure)
        if reading.texts:
            self.present(reading.texts)

    def _check_frozen(self, frame: Frame) -> None:
        if not self._can_freeze:
            return
        print_ = zlib.crc32(frame.image[::4, ::4].tobytes())
        now = self._moment()
        if self._last_picture is None or self._last_picture[0] != print_:
            self._last_picture = (print_, now)
        elif now - self._last_picture[1] >= FROZEN_AFTER.total_seconds():
            raise CameraLost("the camera's picture stands still")

    def _works(self) -> None:
        if self._gauge.trouble is not None:
            self._gauge.trouble = None
            self._desk.feedback.trouble(self._point_id, None)
        self._gauge.running.set()

    def _fails(self, why: str, pause: float) -> float:
        """Say it, wait for `pause` seconds, and return how long to wait the next time."""
        log.warning("reader_waits", access_point=self._point_id, why=why)
        self._camera.close()
        if self._gauge.trouble != why:
            self._gauge.trouble = why
            self._desk.feedback.trouble(self._point_id, why)
        self._gauge.running.set()
        self._desk.wake.set()
        self._stop.wait(pause)
        return min(pause * 2, LONGEST_PAUSE_S)


def entry_of(
    decision: AccessDecision,
    event: EventId,
    point: AccessPoint,
    circumstances: rules.Circumstances,
) -> DecisionEntry:
    """Return the journal's entry of a decision."""
    credential = decision.credential_id
    return DecisionEntry(
        at=circumstances.now,
        event=event,
        access_point=point.id,
        reason=decision.reason,
        credential=None if credential is None else credential.hex(),
        credential_class=decision.credential_class,
        generation=decision.generation,
        presented_at=decision.presented_at,
    )


def _undescribed(point: AccessPointId) -> AccessPoint:
    """An access point that the policy does not name (yet): the rules admit nothing there."""
    return AccessPoint(
        id=point,
        portal=PortalId("unknown"),
        controller=DeviceId("unknown"),
        zone=ZoneNumber(1),
        direction=Direction.IN,
        classes=frozenset(),
        pulse=timedelta(seconds=1),
    )
