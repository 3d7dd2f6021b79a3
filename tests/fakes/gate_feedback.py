"""A feedback that remembers what it was told to show."""

import threading

from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId
from gate_agent.feedback.base import Enrolling, Serving


class FakeFeedback:
    """`shown` has one tuple for each call; `wait_for` waits until one was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[object, ...]] = []
        self._news = threading.Condition()

    def reading(self, point: AccessPointId) -> None:
        self._show("reading", point)

    def hold_still(self, point: AccessPointId) -> None:
        self._show("hold_still", point)

    def wait(self, point: AccessPointId) -> None:
        self._show("wait", point)

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        self._show("granted", point)

    def refused(
        self, point: AccessPointId, event: EventId, reason: DenyReason, decision: AccessDecision
    ) -> None:
        self._show("refused", point, reason)

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        self._show("unlocked", point)

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        self._show("door", point, outcome)

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        self._show("machine", point, said)

    def offline(self, *, now: bool) -> None:
        self._show("offline", now)

    def trouble(self, where: str, what: str | None) -> None:
        self._show("trouble", where, what)

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        self._show("enrolling", step, why)

    def close(self) -> None:
        self._show("closed")

    def of(self, *kinds: str) -> list[tuple[object, ...]]:
        return [one for one in self.shown if one[0] in kinds]

    def wait_for(self, *what: object, within: float = 20.0) -> tuple[object, ...]:
        """The first one that begins with `what`; fails after `within` seconds."""

        def found() -> tuple[object, ...] | None:
            return next((one for one in self.shown if one[: len(what)] == what), None)

        with self._news:
            self._news.wait_for(lambda: found() is not None, within)
            one = found()
        assert one is not None, f"{what} was not shown, but {self.shown}"
        return one

    def _show(self, *what: object) -> None:
        with self._news:
            self.shown.append(what)
            self._news.notify_all()
