"""What every feedback can show, and several of them as one."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId
from gate_agent.logs import Log

log = Log(__name__)


class Enrolling(StrEnum):
    """How far a machine has come that is no gate yet."""

    HOLD_CODE = "hold_code"
    WORKING = "working"
    CODE_REFUSED = "code_refused"
    DONE = "done"


class Serving(StrEnum):
    """What a vending machine says of an order, as far as somebody who stands before it can use that."""

    COMING = "coming"
    GIVEN = "given"
    SOLD_OUT = "sold_out"
    NOT_GIVEN = "not_given"
    BUSY = "busy"
    NO_ANSWER = "no_answer"


class Feedback(Protocol):
    """Shown to people at the gate. Calls come from several threads, return at once, and never raise."""

    def reading(self, point: AccessPointId) -> None:
        """A pass is before the reader and is being decided on."""
        ...

    def hold_still(self, point: AccessPointId) -> None:
        """The pass cannot be decided on from what was seen so far: please keep it before the camera."""
        ...

    def wait(self, point: AccessPointId) -> None:
        """The pass is not decided on yet, because too many forged ones came before it."""
        ...

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """Access is granted and journaled; whether anything opens is for the controller to say."""
        ...

    def refused(
        self,
        point: AccessPointId,
        event: EventId,
        reason: DenyReason,
        decision: AccessDecision,
    ) -> None:
        """Access is denied for this reason."""
        ...

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """The controller says that it released the lock: the way is free."""
        ...

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """What the controller reported of the portal after a granted access."""
        ...

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """What a vending machine reported after a voucher was granted, or that it did not answer."""
        ...

    def offline(self, *, now: bool) -> None:
        """The broker is away: the gate goes on deciding by what it knows; or is there again."""
        ...

    def trouble(self, where: str, what: str | None) -> None:
        """Something does not work at `where` (an access point, or a part such as ``journal``).

        None: it works again.
        """
        ...

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        """How the enrolment of this machine stands; `why` says what was wrong with a code, for administrators."""
        ...

    def close(self) -> None:
        """Let go of lamps and screens."""
        ...


class Together:
    """Several feedbacks as one `Feedback`; one that fails hides nothing and stops nobody at the door."""

    def __init__(self, feedbacks: Sequence[Feedback]) -> None:
        """Show everything on each of `feedbacks`."""
        self._feedbacks = tuple(feedbacks)

    def reading(self, point: AccessPointId) -> None:
        """See `Feedback.reading`."""
        self._each(lambda feedback: feedback.reading(point))

    def hold_still(self, point: AccessPointId) -> None:
        """See `Feedback.hold_still`."""
        self._each(lambda feedback: feedback.hold_still(point))

    def wait(self, point: AccessPointId) -> None:
        """See `Feedback.wait`."""
        self._each(lambda feedback: feedback.wait(point))

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """See `Feedback.granted`."""
        self._each(lambda feedback: feedback.granted(point, event, decision))

    def refused(
        self,
        point: AccessPointId,
        event: EventId,
        reason: DenyReason,
        decision: AccessDecision,
    ) -> None:
        """See `Feedback.refused`."""
        self._each(lambda feedback: feedback.refused(point, event, reason, decision))

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """See `Feedback.unlocked`."""
        self._each(lambda feedback: feedback.unlocked(point, event))

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """See `Feedback.door`."""
        self._each(lambda feedback: feedback.door(point, event, outcome))

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """See `Feedback.machine`."""
        self._each(lambda feedback: feedback.machine(point, event, said))

    def offline(self, *, now: bool) -> None:
        """See `Feedback.offline`."""
        self._each(lambda feedback: feedback.offline(now=now))

    def trouble(self, where: str, what: str | None) -> None:
        """See `Feedback.trouble`."""
        self._each(lambda feedback: feedback.trouble(where, what))

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        """See `Feedback.enrolling`."""
        self._each(lambda feedback: feedback.enrolling(step, why))

    def close(self) -> None:
        """See `Feedback.close`."""
        self._each(lambda feedback: feedback.close())

    def _each(self, tell: Callable[[Feedback], None]) -> None:
        for feedback in self._feedbacks:
            try:
                tell(feedback)
            except Exception:  # a lamp that is broken, whatever its library raises then
                log.exception("feedback_failed", feedback=type(feedback).__name__)
