"""The conversation with the controllers: ask, answer, command, acknowledgement, and what followed.

The gate asks as soon as it sees a code of ours, while it still decides, so that the controller's
nonce is there when the decision is. Nobody retries a door: what is not answered in time is over,
and a new presentation is a new event. A controller gives one nonce a sender, so that two readers of
this gate at one controller take turns.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from access_protocol import codec, commands, topics
from access_protocol.codec import MalformedReportError
from access_protocol.commands import Action, Answer, Ask, Command, Result
from access_protocol.decision import CommandRefusal
from access_protocol.events import (
    OF_DOORS,
    OF_MACHINES,
    ControllerEvent,
    ControllerEventKind,
    Outcome,
    OutcomeEntry,
)
from access_protocol.ids import NONCE_BYTES, AccessPointId, DeviceId, EventId, Nonce
from access_protocol.knowledge import AccessPoint
from access_protocol.topics import Kind, Subject, Topic
from access_protocol.transport.base import Transport
from gate_agent.clock import Clock
from gate_agent.feedback.base import Serving
from gate_agent.history import Grant
from gate_agent.journal import Journal, JournalUnavailable
from gate_agent.local_store import Identity
from gate_agent.logs import Log

ANSWER_WITHIN = timedelta(seconds=2)
"""How long a granted access waits for the controller's nonce."""
ACKNOWLEDGED_WITHIN = commands.NONCE_LIFE
"""How long a command is waited for before the next one to the same controller may go out."""
BEGUN_KNOWN = 256
"""As many as a controller may tell again because it has no receipt of them; a screen shows each once."""
NONCE_MARGIN = timedelta(seconds=1)
"""A nonce is not used in the last part of its life: the command could come too late."""

_NO_PULSE = timedelta()
_OF_EVENT = {
    ControllerEventKind.DISPENSED: Serving.GIVEN,
    ControllerEventKind.EMPTY: Serving.SOLD_OUT,
}
_OF_REFUSAL = {
    CommandRefusal.SLOT_EMPTY: Serving.SOLD_OUT,
    CommandRefusal.BUSY: Serving.BUSY,
    CommandRefusal.RELAY_LIMIT: Serving.BUSY,
}
"""What a machine says; anything else means that nothing came."""


class Reports(Protocol):
    """Whom the portal tells what the controllers say; `Feedback` is one."""

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """The lock is released for a granted access."""
        ...

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """What became of a granted access."""
        ...

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """What a vending machine says of an order."""
        ...


log = Log(__name__)


@dataclass(slots=True)
class _Conversation:
    """One event at one controller; times are seconds of the portal's clock."""

    event: EventId
    point: AccessPoint
    asked_at: float | None = None
    ask_failed: bool = False
    refused: bool = False
    refusal: CommandRefusal | None = None
    slot: int | None = None
    nonce: Nonce | None = None
    granted_at: float | None = None
    commanded_at: float | None = None


class Portal:
    """Speaks with the controllers of this gate's access points; several threads may call it."""

    def __init__(
        self,
        identity: Identity,
        transport: Transport,
        journal: Journal,
        clock: Clock,
        *,
        reports: Reports,
        moment: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reports` is told what the controllers say; `moment` counts seconds."""
        self._identity = identity
        self._transport = transport
        self._journal = journal
        self._clock = clock
        self._reports = reports
        self._moment = moment
        # Never held while publishing: an answer may come before publish returns.
        self._lock = threading.Lock()
        self._lines: dict[DeviceId, deque[_Conversation]] = {}
        self._begun_events: deque[EventId] = deque(maxlen=BEGUN_KNOWN)

    def ask(self, event: EventId, point: AccessPoint) -> None:
        """Tell the access point's controller that a command for `event` may follow."""
        conversation = _Conversation(event, point)
        with self._lock:
            line = self._lines.setdefault(point.controller, deque())
            line.append(conversation)
            first = line[0] is conversation
        if first:
            self._send_ask(conversation)

    def forget(self, event: EventId) -> None:
        """Nothing follows for `event`: access was denied, or there was nothing to decide."""
        conversation = self._find(event)
        if conversation is not None:
            self._end(conversation, unless_commanded=True)

    def open(self, event: EventId, slot: int | None = None) -> None:
        """Access was granted and journaled for an `event` that was asked for: have it opened.

        At a vending machine nothing opens: it gives out what is in `slot`.
        """
        conversation = self._find(event)
        if conversation is None:
            self._decided_too_late(event)
            return
        with self._lock:
            conversation.granted_at, conversation.slot = self._moment(), slot
        if conversation.refused:
            self._refused(conversation)
        elif conversation.ask_failed:
            self._no_answer(conversation)
        else:
            self._command_if_due(conversation)

    def _decided_too_late(self, event: EventId) -> None:
        """The conversation was given up before the decision came, so that no command goes out."""
        log.warning("decided_too_late", access=event)
        grant = self._journal.history.grant(event)
        if grant is not None:
            said = Serving.NO_ANSWER if grant.gives_out else None
            self._report(grant.point, event, Outcome.NO_ANSWER, said)

    def tick(self) -> None:
        """Notice deadlines that have passed; called several times a second."""
        now = self._moment()
        with self._lock:
            first_ones = [line[0] for line in self._lines.values() if line]
            waiting = [one for line in self._lines.values() for one in line]
        for one in waiting:
            if one.granted_at is None:
                # A reader that takes so long between asking and deciding has died.
                if _over(one.asked_at, commands.NONCE_LIFE, now):
                    self._end(one)
            elif one.commanded_at is None and _over(one.granted_at, ANSWER_WITHIN, now):
                self._no_answer(one)
        for one in first_ones:
            if _over(one.commanded_at, ACKNOWLEDGED_WITHIN, now):
                # The command may have been obeyed all the same, so nothing is journaled here:
                # the entry stays reserved until the controller reports.
                log.warning("not_acknowledged", controller=one.point.controller, access=one.event)
                self._end(one)

    def handle_answer(self, topic: Topic, payload: bytes) -> None:
        """Take a controller's answer to an ask. Raises `MalformedReportError`."""
        answer = codec.decode(Answer, payload)
        if len(answer.nonce) != NONCE_BYTES:
            raise MalformedReportError(f"a nonce has {NONCE_BYTES} bytes")
        conversation = self._find(EventId(answer.event))
        if conversation is None or conversation.point.controller != topic.device:
            return
        with self._lock:
            if conversation.asked_at is None or conversation.nonce is not None:
                return
            conversation.nonce = Nonce(answer.nonce)
        self._command_if_due(conversation)

    def handle_acknowledgement(self, topic: Topic, payload: bytes) -> None:
        """Take a controller's word on a command. Raises `MalformedReportError`."""
        word = codec.decode(commands.Acknowledgement, payload)
        with self._lock:
            line = self._lines.get(topic.device)
            first = line[0] if line else None
            # A controller that could not read the command far enough to know its event names none.
            if first is None or word.event not in (None, first.event):
                return
            commanded = first.commanded_at is not None
            first.refused, first.refusal = word.result is Result.REFUSED, word.refusal
            decided = commanded or first.granted_at is not None
        if first.refused:
            log.warning("command_refused", controller=topic.device, why=word.refusal)
        if first.refused and decided:
            self._refused(first)
        elif commanded:
            self._end(first)

    def handle_event(self, topic: Topic, payload: bytes) -> None:
        """Take what a controller says happened at its door. Raises `MalformedReportError`.

        It may come long after the conversation, after a restart, and more than once: the journal knows the event.
        """
        report = codec.decode(ControllerEvent, payload)
        if report.event is None:
            return
        event = EventId(report.event)
        grant = self._journal.history.grant(event)
        if grant is None or not self._stands_at(grant.point, topic.device):
            return
        outcome = (OF_MACHINES if grant.gives_out else OF_DOORS).get(report.what)
        if outcome is not None:
            said = _OF_EVENT.get(report.what, Serving.NOT_GIVEN) if grant.gives_out else None
            self._report(grant.point, event, outcome, said)
        elif grant.final is None:
            self._begun(grant, event, report.what)

    def _begun(self, grant: Grant, event: EventId, what: ControllerEventKind) -> None:
        """Show once that the lock is released, or that the machine's motor turns."""
        begins = ControllerEventKind.DISPENSING if grant.gives_out else ControllerEventKind.UNLOCKED
        if what is not begins or event in self._begun_events:
            return
        self._begun_events.append(event)
        if grant.gives_out:
            self._reports.machine(grant.point, event, Serving.COMING)
        else:
            self._reports.unlocked(grant.point, event)

    def _stands_at(self, point: AccessPointId, controller: DeviceId) -> bool:
        known = self._journal.history.points().get(point)
        return known is not None and known.controller == controller

    def _find(self, event: EventId) -> _Conversation | None:
        with self._lock:
            for line in self._lines.values():
                for one in line:
                    if one.event == event:
                        return one
        return None

    def _send_ask(self, one: _Conversation) -> None:
        with self._lock:
            one.asked_at = self._moment()
        payload = codec.encode(Ask(event=one.event))
        if self._publish(Subject.ASK, one, payload):
            return
        with self._lock:
            one.ask_failed = True
            granted = one.granted_at is not None
        if granted:
            self._no_answer(one)

    def _command_if_due(self, one: _Conversation) -> None:
        """Send the command once both the nonce and the decision are there."""
        with self._lock:
            nonce, asked_at = one.nonce, one.asked_at
            due = one.granted_at is not None and one.commanded_at is None
            due = due and one in self._lines[one.point.controller]
            if nonce is None or asked_at is None or not due:
                return
            now = self._moment()
            too_old = now - asked_at > (commands.NONCE_LIFE - NONCE_MARGIN).total_seconds()
            if not too_old:
                one.commanded_at = now
        if too_old:
            self._no_answer(one)
            return
        point = one.point
        command = Command(point.controller, nonce, Action.UNLOCK, point.pulse, one.event)
        if one.slot is not None:
            action, pulse = Action.DISPENSE, _NO_PULSE
            command = Command(point.controller, nonce, action, pulse, one.event, one.slot)
        if not self._publish(Subject.COMMAND, one, commands.seal(command, self._identity.key)):
            with self._lock:
                one.commanded_at = None
            self._no_answer(one)

    def _publish(self, subject: Subject, one: _Conversation, payload: bytes) -> bool:
        identity, controller = self._identity, one.point.controller
        topic = topics.build(identity.site, Kind.GATE, identity.device, subject, controller)
        return self._transport.publish(topic, payload, expiry=commands.NONCE_LIFE)

    def _refused(self, one: _Conversation) -> None:
        """The controller does not obey; a refusal of the ask is kept until the decision is there."""
        if self._end(one):
            refusal = one.refusal or CommandRefusal.MALFORMED
            said = _OF_REFUSAL.get(refusal, Serving.NOT_GIVEN)
            self._report(one.point.id, one.event, Outcome.REFUSED, _at_machine(one, said))

    def _no_answer(self, one: _Conversation) -> None:
        """No command went out, so nothing was opened; unless one does at this very moment."""
        if self._end(one, unless_commanded=True):
            log.warning("no_answer", controller=one.point.controller, access=one.event)
            said = _at_machine(one, Serving.NO_ANSWER)
            self._report(one.point.id, one.event, Outcome.NO_ANSWER, said)

    def _end(self, one: _Conversation, *, unless_commanded: bool = False) -> bool:
        """Take it out of its controller's line; the next in line may then ask.

        False where it was out of it, or stays in it.
        """
        with self._lock:
            line = self._lines[one.point.controller]
            if one not in line or (unless_commanded and one.commanded_at is not None):
                return False
            was_first = line[0] is one
            line.remove(one)
            following = line[0] if line and was_first else None
        if following is not None:
            self._send_ask(following)
        return True

    def _report(
        self, point: AccessPointId, event: EventId, outcome: Outcome, said: Serving | None = None
    ) -> None:
        """Journal an outcome that is news, and have it shown; `said` is a vending machine's word."""
        if not self._journal.history.awaits(event, outcome):
            return
        entry = OutcomeEntry(at=self._clock.now(), event=event, access_point=point, outcome=outcome)
        try:
            self._journal.append(entry)
        except JournalUnavailable as error:
            # The entry stays reserved; the server hears of the passage from the controller itself.
            log.warning("outcome_not_journaled", access=event, outcome=outcome, why=str(error))
        if said is None:
            self._reports.door(point, event, outcome)
        else:
            self._reports.machine(point, event, said)


def _at_machine(one: _Conversation, said: Serving) -> Serving | None:
    return None if one.slot is None else said


def _over(since: float | None, allowed: timedelta, now: float) -> bool:
    return since is not None and now - since >= allowed.total_seconds()
