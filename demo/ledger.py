"""What counts in the demo: the server's ledger and the controllers' own reports, never what was sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from demo.caller import PATIENCE, Caller, wait_for
from demo.timeline import StepFailedError

MOVED = frozenset({"unlocked", "opened", "passed", "dispensing", "dispensed"})
"""What a controller says when it moved."""


@dataclass(frozen=True)
class Ledger:
    """The ledger as security reads it, and the reports as the administrator does."""

    guard: Caller
    admin: Caller
    began: datetime

    def decided(
        self,
        point: str,
        *,
        credential: str | None = None,
        reason: str | None = None,
        after: str | None = None,
        patience: float = PATIENCE,
    ) -> dict[str, Any]:
        """Return the newest decision at an access point: granted, or refused for `reason`; newer than `after`."""
        query: dict[str, Any] = {"since": self._since, "limit": 50}
        if credential is not None:
            query["credential"] = credential
        if reason is not None:
            query["granted"] = False

        def look() -> dict[str, Any] | None:
            found = self.guard.get("/api/v1/access/events", **query)["items"]
            fitting = (
                event
                for event in takewhile(lambda each: each["event"] != after, found)
                if (event["access_point"], event["reason"]) == (point, reason)
            )
            return next(fitting, None)

        what = f"a decision at {point}" + (f" ({reason})" if reason else "")
        return wait_for(what, look, patience)

    def refused(self, point: str, reason: str, credential: str | None = None) -> dict[str, Any]:
        """Return the newest refusal for this reason; nothing may have opened."""
        event = self.decided(point, credential=credential, reason=reason)
        if event["granted"] or event["outcomes"]:
            raise StepFailedError(f"something opened: {event}")
        return event

    def reported(self, event: Mapping[str, Any], controller: str, last: str) -> datetime:
        """Wait until a controller reported this of a decision, and the ledger holds it; return when."""

        def by_controller() -> bool | None:
            reports = self.admin.get(f"/api/v1/devices/{controller}/events")["items"]
            return any((r["event"], r["what"]) == (event["event"], last) for r in reports) or None

        def journaled() -> dict[str, Any] | None:
            found = self.guard.get("/api/v1/access/events", since=self._since, limit=100)["items"]
            return next(
                (e for e in found if e["id"] == event["id"] and last in e["outcomes"]), None
            )

        wait_for(f"“{last}” by {controller} itself", by_controller)
        told = wait_for(f"“{last}” in the ledger", journaled)
        return datetime.fromisoformat(told["outcome_times"][told["outcomes"].index(last)])

    def everything(self) -> list[dict[str, Any]]:
        """Return all decisions of the play, newest first."""
        found: list[dict[str, Any]] = self.guard.get(
            "/api/v1/access/events", since=self._since, limit=100
        )["items"]
        return found

    def moved(self, controllers: list[str]) -> set[str]:
        """Return the accesses for which these controllers say that they moved."""
        reports = (
            report
            for controller in controllers
            for report in self.admin.get(f"/api/v1/devices/{controller}/events")["items"]
        )
        return {str(report["event"]) for report in reports if report["what"] in MOVED}

    @property
    def _since(self) -> str:
        return (self.began - timedelta(minutes=30)).astimezone(UTC).isoformat()
