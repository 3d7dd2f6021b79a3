"""What the guests of a series are told: one mail for all that happened in one piece of work, and each pass in time."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from server.kernel import outbox
from server.kernel.ids import SeriesGuestId, SeriesId, VisitorId
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import Letter, LetterKind
from server.visits import guests, lettering, models, series_calendar, series_models
from server.visits.events import SeriesGuestToTell, SeriesPassToSend
from server.visits.models import Visit, Visitor
from server.visits.reply_address import reply_address
from server.visits.rules import MailState, VisitState
from server.visits.series_calendar import Date, News, Step, Told
from server.visits.series_models import Series, SeriesGuest

REMINDED_BEFORE = timedelta(hours=20)
"""So long before a date its pass is mailed: the afternoon before, for a visit in the morning."""
MOST_REMINDERS = 200
"""So many are sent in one piece of work; the next one follows soon."""
Picture = Callable[[Work, VisitorId], bytes | None]
Dates = dict[str, tuple[Visit, Visitor]]


def ask(work: Work, visit: Visit, visitor: Visitor, *, with_pass: bool = False) -> None:
    """Have a guest told at the end of this work how their series stands; `with_pass`: or else this date's pass."""
    if visit.series is None:
        return
    guest = _guest(work, visit.series, visitor.email)
    work.at_the_end(("series", guest.id), lambda it: it.record(SeriesGuestToTell(guest=guest.id)))
    if with_pass:
        ready = SeriesPassToSend(visitor=visitor.id)
        work.at_the_end(("series pass", visitor.id), lambda it: it.record(ready))


def tell(work: Work, guest_id: SeriesGuestId, picture: Picture) -> None:
    """Mail a guest what differs from what they were told last, if anything does."""
    guest = work.session.get_one(SeriesGuest, guest_id, with_for_update=True)
    series = work.session.get_one(Series, guest.series)
    told = Told.read(guest.told)
    found = series_models.dates_of(work.session, series.id, guest.email)
    now = _standing(work, found, told)
    failed = any(visitor.mail is MailState.FAILED for _, visitor in found)
    # What still waits is taken back: the newer mail tells all, and may not build on it.
    waited = outbox.withdraw(work, "mail", guest.id, "a newer mail took its place") > 0
    news = series_calendar.compare(told, now, work.now, surely=not (failed or waited))
    if news.step is Step.NOTHING:
        return
    guest.sequence += bool(guest.told)
    letter, after = _letter(work, guest, series, told, news, now, picture)
    guest.told = after.stored()
    _told_in(work).add(guest.id)
    work.session.flush()
    last = max((letter.ends_at, *(end for _, end in letter.dates)))
    notifications.send_letter(work, letter, reference=guest.id, deadline=last)
    for visit, visitor in found:
        if visit.ends_at > work.now:
            guests.note_mail(work, visitor.id, MailState.WAITING)


def pass_due(work: Work, visitor_id: VisitorId, picture: Picture) -> None:
    """Mail the pass of one date, unless this very work told the guest more."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None or found[0].series is None:
        return
    visit, visitor = found
    guest = _guest(work, visit.series or SeriesId(""), visitor.email)
    if guest.id in _told_in(work) or not _stands(visit, visitor):
        return
    near = visit.starts_at - work.now <= REMINDED_BEFORE
    send_pass(work, visit, visitor, LetterKind.REMINDER, picture(work, visitor_id))
    visitor.reminded_at = work.now if near else visitor.reminded_at


def send_pass(
    work: Work, visit: Visit, visitor: Visitor, kind: LetterKind, picture: bytes | None
) -> None:
    """Mail the link and pass of one date; calendars are not touched."""
    if visit.series is not None:
        _told_in(work).add(_guest(work, visit.series, visitor.email).id)
    letter = replace(lettering.to_visitor(work, visit, visitor, kind), pass_picture=picture)
    notifications.send_letter(
        work,
        letter,
        reference=visitor.id,
        deadline=visit.ends_at,
        reply_to=reply_address(work, visitor.id),
    )
    guests.note_mail(work, visitor.id, MailState.WAITING)


def remind(work: Work) -> None:
    """Have the passes mailed of the dates that are near."""
    due = series_models.to_remind(work.session, work.now, REMINDED_BEFORE, MOST_REMINDERS)
    for visit, visitor in due:
        if visit.series is None or _guest(work, visit.series, visitor.email).id in _told_in(work):
            # Two dates of one guest: the other one follows next time.
            continue
        visitor.reminded_at = work.now
        work.session.flush()
        work.record(SeriesPassToSend(visitor=visitor.id))


def note_guest_mail(work: Work, guest_id: SeriesGuestId, state: MailState) -> None:
    """Note what became of the mail about a whole series, at each date to come."""
    guest = work.session.get(SeriesGuest, guest_id)
    if guest is None:
        return
    for visit, visitor in series_models.dates_of(work.session, guest.series, guest.email):
        if visit.ends_at > work.now and visitor.mail is MailState.WAITING:
            guests.note_mail(work, visitor.id, state)


def _told_in(work: Work) -> set[SeriesGuestId]:
    """Return which guests got a mail in this very work: they need no second one."""
    told: set[SeriesGuestId] = work.session.info.setdefault("guests of series told", set())
    return told


def _guest(work: Work, series: SeriesId, email: str) -> SeriesGuest:
    known = series_models.guest_of(work.session, series, email)
    if known is None:
        known = SeriesGuest(id=SeriesGuestId(work.ids.new()), series=series, email=email.lower())
        work.session.add(known)
        work.session.flush()
    return known


def _stands(visit: Visit, visitor: Visitor) -> bool:
    return visit.state is VisitState.CONFIRMED and visitor.is_expected


def _standing(work: Work, found: list[tuple[Visit, Visitor]], told: Told) -> dict[str, Date]:
    """Return the dates that a guest shall know; one that waits for approval anew stays as it was told."""
    dates: dict[str, Date] = {}
    for visit, visitor in found:
        slot = visit.slot or ""
        held = visit.state is VisitState.PENDING and visitor.is_expected and slot in told.dates
        if not (held or _stands(visit, visitor)):
            continue
        letter = lettering.to_visitor(work, visit, visitor, LetterKind.CHANGE)
        date = _date(slot, letter)
        if held:
            known = told.dates[slot]
            date = replace(
                date, starts_at=known.starts_at, ends_at=known.ends_at, digest=known.digest
            )
        dates[slot] = date
    return dates


def _date(slot: str, letter: Letter) -> Date:
    read = json.dumps([letter.title, letter.note, letter.bring, letter.place, letter.host])
    return Date(
        slot=slot,
        starts_at=letter.starts_at,
        ends_at=letter.ends_at,
        title=letter.title,
        note=letter.note,
        bring=letter.bring,
        place=letter.place,
        link=letter.link,
        digest=hashlib.sha256(read.encode()).hexdigest()[:16],
    )


def _letter(
    work: Work,
    guest: SeriesGuest,
    series: Series,
    told: Told,
    news: News,
    now: dict[str, Date],
    picture: Picture,
) -> tuple[Letter, Told]:
    """Return the letter, and what the guest's calendar holds once it was read."""
    shift = told.shift
    match news.step:
        case Step.ALL_GONE | Step.SOME_GONE:
            letter = _farewell(work, series, guest, told, news)
        case Step.ONE_CHANGED:
            visit, visitor = _dates(work, series, guest)[news.changed[0]]
            letter = replace(
                lettering.to_visitor(work, visit, visitor, LetterKind.CHANGE),
                series=[series_calendar.one(now[news.changed[0]], shift)],
                pass_picture=picture(work, visitor.id),
            )
        case _:
            letter, shift = _whole(work, series, guest, now, picture)
    uid = f"{guest.id}@genkan"
    letter = replace(letter, calendar_uid=uid, sequence=guest.sequence, time_zone=series.time_zone)
    return letter, series_calendar.told_now(now, shift)


def _dates(work: Work, series: Series, guest: SeriesGuest) -> Dates:
    found = series_models.dates_of(work.session, series.id, guest.email)
    return {visit.slot or "": (visit, visitor) for visit, visitor in found}


def _whole(
    work: Work, series: Series, guest: SeriesGuest, now: dict[str, Date], picture: Picture
) -> tuple[Letter, timedelta]:
    """Return the letter with every date to come, and the pass of the next one."""
    ordered = sorted(now.values(), key=lambda each: each.starts_at)
    coming = [each for each in ordered if each.ends_at > work.now] or ordered[-1:]
    visit, visitor = _dates(work, series, guest)[coming[0].slot]
    several = len(coming) > 1
    if guest.told:
        kind = LetterKind.SERIES_CHANGE if several else LetterKind.CHANGE
    else:
        kind = LetterKind.SERIES if several else LetterKind.INVITATION
    entry, shift = series_calendar.whole(
        sorted(now.values(), key=lambda each: each.slot),
        series.slots,
        series.rule,
        ZoneInfo(series.time_zone),
        coming[0].link,
    )
    if not guest.told or coming[0].starts_at - work.now <= REMINDED_BEFORE:
        visitor.reminded_at = work.now
    letter = replace(
        lettering.to_visitor(work, visit, visitor, kind),
        pass_picture=picture(work, visitor.id),
        series=entry,
        dates=[(each.starts_at, each.ends_at) for each in coming] if several else (),
    )
    return letter, shift


def _farewell(work: Work, series: Series, guest: SeriesGuest, told: Told, news: News) -> Letter:
    """Return the letter about dates that will not take place, of which the guest knew."""
    coming = [slot for slot in news.gone if told.dates[slot].ends_at > work.now] or list(news.gone)
    visit, visitor = _any_date(work, series, guest, coming[0])
    several = len(coming) > 1
    kind = LetterKind.SERIES_CANCELLATION if several else LetterKind.CANCELLATION
    if visitor.declined_at is not None and not several:
        kind = LetterKind.REGRET
    letter = lettering.to_visitor(work, visit, visitor, kind)
    like = replace(_date(coming[0], letter), link="")
    if news.step is Step.ALL_GONE:
        first: datetime = min(each.starts_at for each in told.dates.values())
        entry = series_calendar.gone(told, [min(told.dates)], like)
        entry = [replace(entry[0], date=None, starts_at=first)]
    else:
        entry = series_calendar.gone(told, news.gone, like)
    times = [(told.dates[slot].starts_at, told.dates[slot].ends_at) for slot in coming]
    return replace(
        letter,
        starts_at=times[0][0],
        ends_at=times[0][1],
        series=entry,
        dates=times if several else (),
    )


def _any_date(work: Work, series: Series, guest: SeriesGuest, slot: str) -> tuple[Visit, Visitor]:
    """Return a date with who was its guest, also where they were taken off its list since."""
    found = series_models.ever_dated(work.session, series.id, guest.email, slot)
    return found[-1]
