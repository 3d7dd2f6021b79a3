"""One reader: texts from its eyes, decisions, and the portal opened."""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from access_protocol import rules
from access_protocol.decision import AccessDecision
from access_protocol.events import DecisionEntry
from access_protocol.ids import AccessPointId, DeviceId, EventId, PortalId, ZoneNumber
from access_protocol.knowledge import AccessPoint, Direction
from gate_agent.clock import Clock
from gate_agent.eyes import Eyes
from gate_agent.feedback.base import Feedback
from gate_agent.gatekeeper import Gatekeeper, HoldStill, TooManyForged
from gate_agent.health import ReaderGauge
from gate_agent.journal import Journal, JournalUnavailable
from gate_agent.knowledge import HeldKnowledge
from gate_agent.logs import Log
from gate_agent.portal import Portal
from gate_agent.undecided import Undecided
from gate_agent.watching import SourceWatch, Watch

_Seen = TypeVar("_Seen")

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the readers of one gate share. `deciding` lets them decide one after the other."""

    gatekeeper: Gatekeeper
    knowledge: HeldKnowledge
    journal: Journal
    history: rules.History
    clock: Clock
    portal: Portal
    feedback: Feedback
    wake: threading.Event
    deciding: threading.Lock


class Reader:
    """What stands before one reader is decided on; `watch` keeps its camera or scan engine going."""

    def __init__(
        self,
        point: AccessPointId,
        eyes: Eyes[_Seen],
        desk: Desk,
        *,
        gauge: ReaderGauge,
        stop: threading.Event,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`eyes` is what it reads with; `moment` counts seconds."""
        self._point_id = point
        self._desk = desk
        self._gauge = gauge
        self._moment = moment
        self._journal_failed = False
        self._undecided = Undecided(point)
        self.watch: Watch = SourceWatch(
            eyes, look=self._look, say=self._say, gauge=gauge, stop=stop, moment=moment
        )

    def present(self, texts: tuple[str, ...]) -> None:
        """Decide on the texts that stand before the reader, and have the portal opened if granted."""
        desk, now = self._desk, self._moment()
        with desk.deciding:
            if desk.gatekeeper.seen(texts, self._point_id, now):
                return
            calm = desk.gatekeeper.calm(self._point_id, now)
        event = EventId(str(uuid.uuid4()))
        known = desk.knowledge.policy.access_points.get(self._point_id)
        point = known or _undescribed(self._point_id)
        if known is not None and calm:
            desk.portal.ask(event, known)
            desk.feedback.reading(self._point_id)
        try:
            decision = self._decide(texts, point, event, now)
        except TooManyForged:
            self._patience(event, now)
            return
        except HoldStill:
            desk.portal.forget(event)
            desk.feedback.hold_still(self._point_id)
            return
        if decision is None:
            desk.portal.forget(event)
        elif decision.reason is None:
            if known is not None and not calm:
                # Forgeries would otherwise have the gate ask the controller with every frame.
                desk.portal.ask(event, known)
            # Shown first: what the portal then says must be the last word on the screen.
            desk.feedback.granted(self._point_id, event, decision)
            desk.portal.open(event, decision.slot)
        else:
            desk.portal.forget(event)
            desk.feedback.refused(self._point_id, event, decision.reason, decision)
        desk.wake.set()

    def tick(self) -> None:
        """Notice what time alone brings; called several times a second."""
        self.watch.tick()
        self._undecided.tick(self._moment())

    def _patience(self, event: EventId, moment: float) -> None:
        self._desk.portal.forget(event)
        if self._undecided.add(moment):
            self._desk.feedback.wait(self._point_id)

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
                texts, point, desk.knowledge, desk.history, circumstances, moment
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

    def _look(self, texts: tuple[str, ...]) -> None:
        if texts:
            self.present(texts)

    def _say(self, trouble: str | None) -> None:
        self._desk.feedback.trouble(self._point_id, trouble)
        self._desk.wake.set()


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
        warning=decision.warning,
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
