"""Series of visits: made in one go, and changed, cancelled or decided one by one, from one on, or all together."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import SeriesId, VisitId
from server.kernel.work import Work
from server.places.models import Site
from server.visits import appointments, lookup, models, place, recurrence, series_models
from server.visits.events import SeriesMade
from server.visits.models import Visit, Visitor
from server.visits.recurrence import NoDates, Repeat, to_local, to_utc
from server.visits.rules import OPEN, InvitedVisitor, NewVisit, VisitChange, VisitState
from server.visits.series_models import Series

MOST_INVITATIONS = 500
"""Dates times visitors: each is a pass of its own."""


class Scope(StrEnum):
    """Which dates of a series are meant; a visit that does not repeat is its only date."""

    THIS = "this"
    LATER = "later"
    """This one and all after it."""
    ALL = "all"
    """All that are not over."""


class NewSeries(NewVisit):
    """A visit to be made that repeats: `starts_at` and `ends_at` are those of its first date."""

    repeat: Repeat


class DatesWanted(BaseModel):
    """When a visit would begin and end, and how it would repeat."""

    starts_at: datetime
    ends_at: datetime
    repeat: Repeat


class SeriesDates(BaseModel):
    """The dates of a series, from when to when."""

    items: list[tuple[datetime, datetime]] = Field(description="Beginning and end of each date.")


def dates(
    starts_at: datetime, ends_at: datetime, repeat: Repeat, zone: ZoneInfo
) -> list[tuple[datetime, datetime]]:
    """Return from when to when each date would be; raises `Invalid` where the rule gives no series."""
    begins, length = _local(starts_at, ends_at, zone)
    _, left = _expanded(repeat, begins)
    return [_times(each, length, zone) for each in left]


def create(work: Work, new: NewSeries) -> list[Visit]:
    """Make every visit of a series, or none: each with its own link and pass, told in one mail."""
    site = place.site_for(work, new.site, new.room)
    zone = ZoneInfo(site.time_zone)
    begins, length = _local(new.starts_at, new.ends_at, zone)
    every, left = _expanded(new.repeat, begins)
    if len(left) * len(new.visitors) > MOST_INVITATIONS:
        raise Invalid(
            [("visitors", f"times the dates must be at most {MOST_INVITATIONS} invitations")]
        )
    series = Series(
        id=SeriesId(work.ids.new()),
        site=site.code,
        time_zone=site.time_zone,
        repeat=new.repeat.model_dump(mode="json"),
        rule=recurrence.calendar_rule(new.repeat, begins),
        slots=[recurrence.slot_of(each) for each in every],
        created_at=work.now,
    )
    work.session.add(series)
    work.session.flush()
    single = new.model_dump(exclude={"repeat", "starts_at", "ends_at"})
    made: list[Visit] = []
    for each in left:
        starts_at, ends_at = _times(each, length, zone)
        visit = NewVisit.model_validate(single | {"starts_at": starts_at, "ends_at": ends_at})
        made.append(_made(work, visit, series.id, recurrence.slot_of(each), first=not made))
    work.record(SeriesMade(series=series.id, site=site.code, dates=len(made)))
    return made


def change_dates(work: Work, visit_id: VisitId, wanted: VisitChange, scope: Scope) -> list[Visit]:
    """Change the dates that are meant: what differs from this one's present state is changed at each of them.

    Each moves by as much as this one, counted in the site's own time; who is taken off or put on the guest list
    here is so everywhere.
    """
    if scope is Scope.THIS:
        return [appointments.change(work, visit_id, wanted)]
    visit = lookup.changeable(work, visit_id)
    before, guests = visit.model_copy(), list(models.visitors_of(work.session, visit.id))
    others = [each for each in _meant(work, visit, scope) if each.id != visit.id]
    zone = _zone(work, visit)
    changed = [appointments.change(work, visit_id, wanted)]
    # A date that moves into the past, or too far, is refused as it would be alone; so is all of it.
    for each in others:
        its_guests = list(models.visitors_of(work.session, each.id))
        follows = _following(before, guests, wanted, each, its_guests, zone)
        if follows.model_fields_set:
            changed.append(appointments.change(work, each.id, follows))
    return changed


def cancel_dates(work: Work, visit_id: VisitId, reason: str, scope: Scope) -> list[Visit]:
    """Cancel the dates that are meant."""
    visit = lookup.changeable(work, visit_id)
    return [appointments.cancel(work, each.id, reason) for each in _meant(work, visit, scope)]


def approve_dates(work: Work, visit_id: VisitId, scope: Scope) -> list[Visit]:
    """Approve the dates that are meant and wait for it: their guests are invited, each in one mail."""
    return _decide(work, visit_id, scope, appointments.approve)


def decline_dates(work: Work, visit_id: VisitId, reason: str, scope: Scope) -> list[Visit]:
    """Decline the dates that are meant and wait for approval."""
    return _decide(work, visit_id, scope, lambda it, each: appointments.decline(it, each, reason))


def series_of(work: Work, series_id: SeriesId) -> tuple[Series, Sequence[Visit]]:
    """Return a series and its dates, for whoever may see them."""
    series = work.session.get(Series, series_id)
    found = series_models.visits_in(work.session, series_id)
    seen = [each for each in found if lookup.may_see(work, each)]
    if series is None or not seen:
        raise NotFound("There is no such series, or it is not yours.")
    return series, seen


def _decide(
    work: Work, visit_id: VisitId, scope: Scope, do: Callable[[Work, VisitId], Visit]
) -> list[Visit]:
    visit = lookup.pending(work, visit_id)
    waiting = [each for each in _meant(work, visit, scope) if each.state is VisitState.PENDING]
    return [do(work, each.id) for each in waiting]


def _meant(work: Work, visit: Visit, scope: Scope) -> list[Visit]:
    """Return the dates that are meant and still open, this one among them, in their order."""
    if scope is Scope.THIS or visit.series is None:
        return [visit]
    return [
        each
        for each in series_models.visits_in(work.session, visit.series)
        if each.state in OPEN
        and each.ends_at > work.now
        and (scope is Scope.ALL or (each.slot or "") >= (visit.slot or ""))
    ]


def _made(work: Work, new: NewVisit, series: SeriesId, slot: str, *, first: bool) -> Visit:
    try:
        return appointments.create(work, new, series=series, slot=slot)
    except Invalid as error:
        if first or any(name not in {"starts_at", "ends_at"} for name, _ in error.errors):
            raise
        day = slot.partition("T")[0]
        raise Invalid([("repeat.until", f"{day}: {why}") for _, why in error.errors]) from error


def _expanded(repeat: Repeat, begins: datetime) -> tuple[list[datetime], list[datetime]]:
    try:
        every = recurrence.pattern(repeat, begins)
        return every, recurrence.chosen(repeat, every)
    except NoDates as error:
        field = "times" if error.field == "until" and repeat.until is None else error.field
        raise Invalid([(f"repeat.{field}", error.why)]) from error


def _local(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> tuple[datetime, timedelta]:
    """Return the beginning in the site's own time, and how long its clocks run until the end."""
    begins = to_local(starts_at, zone).replace(second=0, microsecond=0)
    return begins, to_local(ends_at, zone) - to_local(starts_at, zone)


def _times(local: datetime, length: timedelta, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return to_utc(local, zone), to_utc(local + length, zone)


def _zone(work: Work, visit: Visit) -> ZoneInfo:
    return ZoneInfo(work.session.get_one(Site, visit.site).time_zone)


_WORDS = ("title", "note", "bring", "language", "host", "room", "zones")


def _following(
    before: Visit,
    guests: list[Visitor],
    wanted: VisitChange,
    other: Visit,
    its_guests: list[Visitor],
    zone: ZoneInfo,
) -> VisitChange:
    """Return what another date changes with this one."""
    given = wanted.model_fields_set
    changes: dict[str, object] = {
        name: getattr(wanted, name)
        for name in _WORDS
        if name in given
        and (name == "room" or getattr(wanted, name) is not None)
        and getattr(wanted, name) != getattr(before, name)
    }
    for name in ("starts_at", "ends_at"):
        moment: datetime | None = getattr(wanted, name)
        if moment is not None and moment != getattr(before, name):
            by = to_local(moment, zone) - to_local(getattr(before, name), zone)
            changes[name] = to_utc(to_local(getattr(other, name), zone) + by, zone)
    if wanted.visitors is not None:
        listed = _guest_list(guests, wanted.visitors, its_guests)
        if listed is not None:
            changes["visitors"] = listed
    return VisitChange.model_construct(_fields_set=set(changes), **changes)


def _guest_list(
    guests: list[Visitor], wanted: Sequence[InvitedVisitor], its_guests: list[Visitor]
) -> list[InvitedVisitor] | None:
    """Return another date's guest list after the same people came and went as here, or None where nobody did."""
    before = {guest.id: guest for guest in guests}
    kept = {each.id for each in wanted if each.id}
    gone = {guest.email.lower() for guest in guests if guest.id not in kept}
    now = {before[each.id].email.lower(): each for each in wanted if each.id and each.id in before}
    new = [each for each in wanted if each.id is None]
    there = {guest.email.lower() for guest in its_guests}
    listed: list[InvitedVisitor] = []
    for guest in its_guests:
        address = guest.email.lower()
        if address in gone:
            continue
        like = now.get(address)
        listed.append(
            InvitedVisitor.model_construct(
                id=guest.id,
                name=like.name if like else guest.name,
                email=like.email if like else guest.email,
                company=like.company if like else guest.company,
                language=(like.language if like else None) or guest.language,
            )
        )
    listed += [each for each in new if each.email.lower() not in there]
    if not listed:
        raise Conflict("At another date nobody would be left. Cancel that date instead.")
    same = [(each.id, each.name, each.email, each.company, each.language) for each in listed]
    was = [(each.id, each.name, each.email, each.company, each.language) for each in its_guests]
    return None if same == was else listed
