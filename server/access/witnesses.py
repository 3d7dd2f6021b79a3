"""The second witness of a passage or drink: its controller's report, where the gate did not hear it or has yet to tell.

A gate and the server hear the same controller. Whoever is cut from it misses a passage that the other one heard, so
a passage counts by either word, whichever comes first. It is known by its event, so that the other word adds nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from access_protocol.commands import NONCE_LIFE
from access_protocol.events import (
    OF_MACHINES,
    ControllerEventKind,
    DecisionEntry,
    Outcome,
    OutcomeEntry,
)
from access_protocol.ids import AccessPointId, CredentialId, DeviceId
from server.access.models import AccessEvent, EntryKind, Journal
from server.access.presence import Points, points
from server.devices.actions import DoorReported
from server.devices.models import DoorEvent
from server.kernel.upsert import table_of
from server.kernel.work import Work
from server.places.models import AccessPoint

_DECISIONS, _REPORTS = table_of(AccessEvent), table_of(DoorEvent)
_JOURNALS, _POINTS = table_of(Journal), table_of(AccessPoint)
OUTCOMES = {
    ControllerEventKind.OPENED: Outcome.OPENED,
    ControllerEventKind.PASSED: Outcome.PASSED,
    **OF_MACHINES,
}
"""What a controller's report says of an access, where it is enough to say it in the gate's stead."""
SEEN = frozenset(OUTCOMES.values())


@dataclass(frozen=True, kw_only=True)
class Witnessed:
    """A passage by its controller's word: whose gate let whom in, and what that gate would have told."""

    gate: DeviceId
    bearer: CredentialId
    outcome: OutcomeEntry
    points: Points


def of_report(work: Work, report: DoorReported) -> Witnessed | None:
    """Return what a controller's report says of an access that a gate granted and the ledger holds already."""
    outcome = OUTCOMES.get(report.what)
    if outcome is None or report.event is None:
        return None
    _wait_for_uploads(work, report)
    known = select(
        _DECISIONS.c.gate, _DECISIONS.c.access_point, _DECISIONS.c.credential, _DECISIONS.c.at
    ).where(
        _DECISIONS.c.event == report.event,
        _DECISIONS.c.site == report.site,
        _DECISIONS.c.kind == EntryKind.DECISION,
        _DECISIONS.c.granted.is_(True),
        _DECISIONS.c.credential.is_not(None),
    )
    granted = work.session.connection().execute(known.order_by(_DECISIONS.c.id)).all()
    if not granted:
        return None
    at_site = points(work.session, report.site)
    for gate, access_point, credential, at in granted:
        point = at_site.get(AccessPointId(access_point))
        if point is None or (point.gate, point.controller) != (gate, report.controller):
            continue
        entry = OutcomeEntry(
            at=_when(at, work.now, point),
            event=report.event,
            access_point=access_point,
            outcome=outcome,
        )
        return Witnessed(
            gate=DeviceId(gate),
            bearer=CredentialId(bytes(credential)),
            outcome=entry,
            points=at_site,
        )
    return None


def _wait_for_uploads(work: Work, report: DoorReported) -> None:
    """Lock the journals of the gates that this controller obeys, as an upload does.

    Of two workers, one with the report and one with the decision, the later one then sees both.
    """
    gates = select(_POINTS.c.gate).where(
        _POINTS.c.site == report.site, _POINTS.c.controller == report.controller
    )
    theirs = select(_JOURNALS.c.journal).where(_JOURNALS.c.gate.in_(gates))
    in_order = theirs.order_by(_JOURNALS.c.gate, _JOURNALS.c.journal)
    work.session.connection().execute(in_order.with_for_update()).all()


def of_decisions(
    work: Work, gate: DeviceId, at_site: Points, decisions: Iterable[DecisionEntry]
) -> Sequence[OutcomeEntry]:
    """Return what controllers reported already of accesses that this gate tells now; one query for them all."""
    asked: dict[str, tuple[DecisionEntry, AccessPoint]] = {}
    for decision in decisions:
        point = at_site.get(AccessPointId(decision.access_point))
        granted = decision.reason is None and decision.credential is not None
        if granted and point is not None and point.gate == gate and point.controller is not None:
            asked[decision.event] = decision, point
    if not asked:
        return ()
    known = (
        select(_REPORTS.c.device, _REPORTS.c.event, _REPORTS.c.what, _REPORTS.c.received_at)
        .where(_REPORTS.c.event.in_(list(asked)), _REPORTS.c.what.in_(list(OUTCOMES)))
        .order_by(_REPORTS.c.received_at, _REPORTS.c.sequence)
    )
    found: list[OutcomeEntry] = []
    for device, event, what, received_at in work.session.connection().execute(known):
        decision, point = asked[event]
        # Another controller's word is none: it saw nothing of this portal.
        if point.controller == device:
            at = _when(decision.at.astimezone(UTC), received_at, point)
            outcome = OUTCOMES[ControllerEventKind(what)]
            found.append(
                OutcomeEntry(
                    at=at, event=event, access_point=decision.access_point, outcome=outcome
                )
            )
    return found


def _when(decided_at: datetime, received_at: datetime, point: AccessPoint) -> datetime:
    """Return when somebody passed: a controller has no wall clock, so its report says only when it was heard.

    That counts where somebody can have passed then: after the decision, while its command could still open. A
    report that was under way for longer, or clocks that differ, must not put an entry behind the exit that followed
    it; then the decision's own time counts, by the clock that the gate's other passages are told by. Both times are
    stored, so that it is the same one whichever witness comes first.
    """
    taken = received_at - decided_at
    return received_at if timedelta() <= taken <= point.pulse + NONCE_LIFE else decided_at
