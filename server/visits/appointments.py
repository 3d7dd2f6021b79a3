"""A visit's life: made, changed, cancelled, approved or declined."""

from collections.abc import Sequence

from server.kernel.errors import Conflict, Invalid
from server.kernel.ids import SeriesId, VisitId
from server.kernel.work import Work
from server.visits import guests as guest_list
from server.visits import models, place
from server.visits.events import (
    VisitCancelled,
    VisitChanged,
    VisitConfirmed,
    VisitDeclined,
    VisitRequested,
)
from server.visits.lookup import (
    changeable,
    hold,
    host_for,
    needs_approval,
    notice,
    pending,
    require_for,
)
from server.visits.models import Visit
from server.visits.rules import NewVisit, VisitChange, VisitState, check_times
from server.visits.versions import version_of


def create(
    work: Work, new: NewVisit, *, series: SeriesId | None = None, slot: str | None = None
) -> Visit:
    """Make a visit; it is confirmed at once unless its site approves visits and the caller may not."""
    host = host_for(work, new.host or work.principal.person)
    site = place.site_for(work, new.site, new.room)
    require_for(work, host.id, site.code)
    _check(check_times(new.starts_at, new.ends_at, work.now))
    visit = Visit(
        id=VisitId(work.ids.new()),
        site=site.code,
        room=new.room,
        zones=place.zones_for(work, site, new.room, new.zones),
        host=host.id,
        created_by=work.principal.person,
        title=new.title,
        note=new.note,
        bring=new.bring,
        language=new.language or host.language,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        state=VisitState.PENDING,
        series=series,
        slot=slot,
        created_at=work.now,
        changed_at=work.now,
    )
    work.session.add(visit)
    work.session.flush()
    for each in new.visitors:
        guest_list.add(work, visit, each)
    work.session.flush()
    work.record(VisitRequested(visit=visit.id, site=visit.site, host=visit.host))
    if not needs_approval(work, visit):
        _confirm(work, visit)
    notice(work, visit)
    return visit


def change(work: Work, visit_id: VisitId, wanted: VisitChange) -> Visit:
    """Change a visit; what is left out of `wanted` stays as it is."""
    visit = changeable(work, visit_id)
    before = visit.model_copy()
    guests = list(models.visitors_of(work.session, visit.id))
    if wanted.version not in (None, version_of(visit, guests)):
        raise Conflict(
            "Somebody else changed this visit meanwhile. Look at it in another window; "
            "saving again replaces it."
        )
    _take_over(work, visit, wanted)
    access_changed = (before.starts_at, before.ends_at, before.zones) != (
        visit.starts_at,
        visit.ends_at,
        visit.zones,
    )
    # The host may have been let in on the old terms only: what was approved is asked for again.
    again = (
        access_changed
        or before.room != visit.room
        or guest_list.differ(guests, wanted.visitors or [])
    )
    held = again and hold(work, visit, guests)
    stayed = guest_list.change(work, visit, guests, wanted.visitors)
    if _shown(before) == _shown(visit):
        notice(work, visit)
        return visit
    visit.sequence += 1
    visit.changed_at = work.now
    work.session.flush()
    if visit.state is VisitState.CONFIRMED and not held:
        work.record(
            VisitChanged(
                visit=visit.id, visitors=guest_list.ids(stayed), access_changed=access_changed
            )
        )
    notice(work, visit)
    return visit


def cancel(work: Work, visit_id: VisitId, reason: str = "") -> Visit:
    """Cancel a visit; its visitors are told and their credentials end."""
    visit = changeable(work, visit_id)
    known = visit.state is VisitState.CONFIRMED
    _close(work, visit, VisitState.CANCELLED, reason)
    work.record(VisitCancelled(visit=visit.id))
    guest_list.tell_uninvited(
        work, visit, models.visitors_of(work.session, visit.id), confirmed=known
    )
    notice(work, visit)
    return visit


def approve(work: Work, visit_id: VisitId) -> Visit:
    """Approve a visit: its visitors are invited."""
    visit = pending(work, visit_id)
    visit.decided_by, visit.decided_at = work.principal.person, work.now
    _confirm(work, visit)
    notice(work, visit)
    return visit


def decline(work: Work, visit_id: VisitId, reason: str = "") -> Visit:
    """Decline a visit that waits for approval; its host is told."""
    visit = pending(work, visit_id)
    visit.decided_by, visit.decided_at = work.principal.person, work.now
    _close(work, visit, VisitState.DECLINED, reason)
    work.record(VisitDeclined(visit=visit.id, host=visit.host))
    guest_list.tell_uninvited(
        work, visit, models.visitors_of(work.session, visit.id), confirmed=False
    )
    notice(work, visit)
    return visit


def _check(wrong: Sequence[tuple[str, str]]) -> None:
    if wrong:
        raise Invalid(wrong)


def _take_over(work: Work, visit: Visit, wanted: VisitChange) -> None:
    given = wanted.model_fields_set
    _check(
        check_times(
            wanted.starts_at or visit.starts_at,
            wanted.ends_at or visit.ends_at,
            work.now,
            started=visit.starts_at,
        )
    )
    for name in ("title", "note", "bring", "language", "starts_at", "ends_at"):
        value = getattr(wanted, name)
        if value is not None:
            setattr(visit, name, value)
    if wanted.host is not None and wanted.host != visit.host:
        # As in making one: nobody becomes a host without being asked but by who manages visits.
        require_for(work, wanted.host, visit.site)
        visit.host = host_for(work, wanted.host).id
    # A room that stays is no reason to choose the zones anew, nor to ask whether it may still be booked.
    moved = "room" in given and wanted.room != visit.room
    if moved or wanted.zones is not None:
        room = wanted.room if moved else None
        site = place.site_for(work, visit.site, room)
        visit.zones = place.zones_for(work, site, room, wanted.zones)
    if moved:
        visit.room = wanted.room


def _shown(visit: Visit) -> tuple[object, ...]:
    """Return what visitors read about their visit: where it differs, they get a mail."""
    return (
        visit.title,
        visit.note,
        visit.bring,
        visit.starts_at,
        visit.ends_at,
        visit.room,
        visit.host,
        visit.zones,
    )


def _confirm(work: Work, visit: Visit) -> None:
    visit.state = VisitState.CONFIRMED
    visit.changed_at = work.now
    work.session.flush()
    work.record(VisitConfirmed(visit=visit.id, site=visit.site, host=visit.host))
    guest_list.invite(work, visit, models.visitors_of(work.session, visit.id))


def _close(work: Work, visit: Visit, state: VisitState, reason: str) -> None:
    visit.state, visit.reason, visit.changed_at = state, reason, work.now
    visit.sequence += 1
    work.session.flush()
