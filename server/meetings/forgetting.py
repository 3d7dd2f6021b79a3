"""What meetings keep of one visitor: shown to them, and forgotten when they ask or their time is over."""

from sqlmodel import col, delete, select

from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.meetings import models
from server.meetings.models import Attendance, Correction, Meeting
from server.meetings.records import records_of
from server.meetings.rules import Fact, Who
from server.visits import models as visits


def about_visitor(work: Work, visitor: VisitorId) -> dict[str, object]:
    """Return what is known of a visitor's meeting, as JSON can say it."""
    known = visits.with_visitor(work.session, visitor)
    if known is None:
        return {}
    visit, _ = known
    part = records_of(work, [visit])[visit.id].of(Who.visitor(visitor))
    said = models.corrections_of(work.session, [visit.id]).get(visit.id, [])
    return {
        "standing": part.standing if part is not None else None,
        "entered_room": _fact(part.entered if part is not None else None),
        "left_room": _fact(part.left if part is not None else None),
        "host_said": [
            {"at": each.made_at.isoformat(), "was_there": visitor in each.came}
            for each in said
            if visitor in (*each.came, *each.stayed_away)
        ],
    }


def forget_visitor(work: Work, visitor: VisitorId) -> None:
    """Delete what names a visitor here. What hosts wrote of the visit's corrections goes: it may name them."""
    session = work.session
    session.exec(delete(Attendance).where(col(Attendance.visitor) == visitor))
    known = visits.with_visitor(session, visitor)
    if known is None:
        return
    visit, _ = known
    row = session.get(Meeting, visit.id)
    if row is not None:
        row.no_shows = [each for each in row.no_shows if each != visitor]
        session.add(row)
    for each in session.exec(select(Correction).where(Correction.visit == visit.id)).all():
        each.came = [other for other in each.came if other != visitor]
        each.stayed_away = [other for other in each.stayed_away if other != visitor]
        each.reason = ""
        session.add(each)


def _fact(fact: Fact | None) -> dict[str, str] | None:
    return None if fact is None else {"at": fact.at.isoformat(), "how_sure": fact.certainty}
