"""The boards of the display, one for each access point: what stands there now, and until when.

A board shows what happens for a while and then goes back to what it says at rest. What a controller
says about one visitor never takes the place of what is just being said to the next one.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId
from gate_agent.display import screens
from gate_agent.display.entrance import Code, Showings
from gate_agent.display.screens import Mark, Screen, Standing
from gate_agent.feedback.base import Enrolling, Serving

SHOWN_S = {
    "reading": 4.0,
    "hold_still": 10.0,
    "wait": 6.0,
    "granted": 6.0,
    "unlocked": 6.0,
    "refused": 9.0,
    "door-opened": 5.0,
    "door-passed": 2.5,
    "door-not_passed": 9.0,
    "door-no_answer": 9.0,
    "door-refused": 9.0,
    "ordered": 6.0,
    "machine-coming": 15.0,
    "machine-given": 6.0,
    "machine-sold_out": 9.0,
    "machine-not_given": 9.0,
    "machine-busy": 9.0,
    "machine-no_answer": 9.0,
    "enrolling": 30.0,
    "enrolled": 5.0,
    "code_refused": 12.0,
}
"""Long enough to be read in three languages where there is something to do next."""


@dataclass(slots=True)
class _Board:
    """What one access point shows; `until` is a moment of the monotonic clock."""

    shown: Screen | None = None
    event: EventId | None = None
    until: float = 0.0
    number: int = 0
    troubles: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands on a board. `number` counts what happened; `left` is how long it still stands."""

    screen: Screen
    number: int
    left: float | None
    code: Code | None = None
    marks: tuple[Mark, ...] = ()


class DisplayFeedback:
    """The `Feedback` behind the display's pages."""

    def __init__(
        self, points: Sequence[AccessPointId], *, moment: Callable[[], float] = time.monotonic
    ) -> None:
        """Have a board for each of `points`; with one or none of them, one board for everything."""
        self.points = tuple(points)
        self._one = len(self.points) <= 1
        self._boards = {point: _Board() for point in (self.points if not self._one else ("",))}
        self._moment = moment
        self._news = threading.Condition()
        self._count = 0
        self._troubles: set[str] = set()
        self._enrolled = True
        self._closed = False
        self._standing: Callable[[], Standing] = Standing
        self._showings: Showings = lambda _point: None

    def ask(
        self, standing: Callable[[], Standing], showings: Showings = lambda _point: None
    ) -> None:
        """Have the marks say from now on what `standing` says, and boards at rest show what `showings` says."""
        self._standing, self._showings = standing, showings
        self._changed()

    def standing(self) -> Standing:
        """Return how the gate stands towards its server."""
        return self._standing()

    @property
    def closed(self) -> bool:
        """Whether the gate was told to stop."""
        return self._closed

    def shown(self, point: str) -> Shown | None:
        """Return what stands at an access point now; None where there is no such board."""
        with self._news:
            board = self._boards.get("" if self._one else point)
            if board is None:
                return None
            left = board.until - self._moment()
            if board.shown is not None and left > 0:
                return Shown(board.shown, board.number, left)
            at_rest = self._at_rest(board)
            number = board.number
        beside = self._showings(point) if at_rest is screens.IDLE else None
        if beside is None:
            return Shown(at_rest, number, None)
        marks = () if beside.mark is None else (beside.mark,)
        return Shown(beside.screen or at_rest, number, beside.left, beside.code, marks)

    @property
    def news(self) -> int:
        """Counts what happened at all boards; to be read before what is then waited to change."""
        return self._count

    def wait_for_news(self, known: int, seconds: float) -> None:
        """Wait until something happens that `news` did not count yet, or for so long."""
        with self._news:
            self._news.wait_for(lambda: self._closed or self._count != known, seconds)

    def _at_rest(self, board: _Board) -> Screen:
        if board.troubles or self._troubles:
            return screens.TROUBLE
        return screens.IDLE if self._enrolled else screens.HOLD_CODE

    def reading(self, point: AccessPointId) -> None:
        """See `Feedback.reading`."""
        self._show(point, screens.READING)

    def hold_still(self, point: AccessPointId) -> None:
        """See `Feedback.hold_still`."""
        self._show(point, screens.HOLD_STILL)

    def wait(self, point: AccessPointId) -> None:
        """See `Feedback.wait`."""
        self._show(point, screens.WAIT)

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """See `Feedback.granted`."""
        self._show(point, screens.GRANTED if decision.slot is None else screens.ORDERED, event)

    def refused(
        self, point: AccessPointId, event: EventId, reason: DenyReason, decision: AccessDecision
    ) -> None:
        """See `Feedback.refused`."""
        self._show(point, screens.refused(reason, decision.credential_class), event)

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """See `Feedback.unlocked`."""
        self._follow(point, screens.UNLOCKED, event)

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """See `Feedback.door`."""
        self._follow(point, screens.door(outcome), event)

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """See `Feedback.machine`."""
        self._follow(point, screens.machine(said), event)

    def offline(self, *, now: bool) -> None:
        """See `Feedback.offline`: the marks change."""
        self._changed()

    def trouble(self, where: str, what: str | None) -> None:
        """See `Feedback.trouble`."""
        with self._news:
            board = self._board(where) if self._one or where in self._boards else None
            troubles = self._troubles if board is None else board.troubles
            if what is None:
                troubles.discard(where)
            else:
                troubles.add(where)
            self._tell()

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        """See `Feedback.enrolling`: on every board, and without the `why`, which is for administrators."""
        with self._news:
            self._enrolled = step is Enrolling.DONE
            screen = screens.OF_STEP[step]
            for point, board in self._boards.items():
                if step is not Enrolling.HOLD_CODE:
                    self._show(point, screen)
                elif board.shown == screens.ENROLLING:
                    board.until = 0.0
            self._tell()

    def close(self) -> None:
        """See `Feedback.close`: whoever waits for news is let go."""
        with self._news:
            self._closed = True
            self._tell()

    def _board(self, point: str) -> _Board | None:
        return self._boards.get("" if self._one else point)

    def _show(self, point: str, screen: Screen, event: EventId | None = None) -> None:
        with self._news:
            board = self._board(point)
            if board is None:
                return
            now = self._moment()
            again = board.shown == screen and board.event == event and board.until > now
            board.shown, board.event = screen, event
            board.until = now + SHOWN_S[screen.what]
            if not again:
                # What is said with every frame appears, and sounds, once.
                board.number += 1
                self._tell()

    def _follow(self, point: str, screen: Screen, event: EventId) -> None:
        """Show what a controller says of `event`, unless another visitor was just answered."""
        with self._news:
            board = self._board(point)
            if board is None:
                return
            free = board.shown is None or board.until <= self._moment()
            if free or board.event in {None, event}:
                self._show(point, screen, event)

    def _tell(self) -> None:
        self._count += 1
        self._news.notify_all()

    def _changed(self) -> None:
        with self._news:
            self._tell()
