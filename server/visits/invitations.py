"""What visitors and hosts are told about a visit: which letter, with what in it, to whom."""

from dataclasses import dataclass, replace
from datetime import timedelta

from access_protocol.wording import Language
from server.kernel.ids import VisitId, VisitorId
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import OVER, Letter, LetterKind
from server.people.models import Person
from server.places.models import Site, name_in
from server.visits import guests, models, place
from server.visits.models import Visit, Visitor
from server.visits.rules import MailState, VisitState, in_words


def invite(work: Work, visitor_id: VisitorId, pass_picture: bytes) -> None:
    """Mail a visitor how their visit stands: an invitation at first, a change where they had one before."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        return
    visit, visitor = found
    if visit.state is not VisitState.CONFIRMED or not visitor.is_expected:
        return
    first = visitor.mail is MailState.NONE
    kind = LetterKind.INVITATION if first else LetterKind.CHANGE
    _tell(work, visit, visitor, kind, pass_picture)


def uninvite(work: Work, visitor_id: VisitorId) -> None:
    """Mail a visitor that they shall not come after all."""
    found = models.with_visitor(work.session, visitor_id)
    if found is not None:
        _tell(work, *found, LetterKind.CANCELLATION)


def tell_declined(work: Work, visitor_id: VisitorId) -> None:
    """Confirm to a visitor that they will not come, and take the visit out of their calendar."""
    found = models.with_visitor(work.session, visitor_id)
    if found is not None:
        _tell(work, *found, LetterKind.REGRET)


def tell_kept(work: Work, visitor_id: VisitorId) -> None:
    """Mail a visitor that their host cannot do what they asked for: the visit stays as it is."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None or not found[1].is_expected:
        return
    visit, visitor = found
    reader = _Reader(email=visitor.email, name=visitor.name, language=Language(visitor.language))
    letter = _letter(work, visit, reader, LetterKind.KEPT)
    letter = replace(letter, link=guests.link_of(work, visitor))
    notifications.send_letter(work, letter, deadline=visit.ends_at)


def tell_moved(work: Work, visitor_id: VisitorId, pass_picture: bytes) -> None:
    """Mail a visitor that another phone took their invitation over, with the pass that counts now."""
    found = models.with_visitor(work.session, visitor_id)
    if found is not None:
        _tell(work, *found, LetterKind.MOVED, pass_picture)


def send_code(work: Work, visit: Visit, visitor: Visitor, code: str, life: timedelta) -> None:
    """Mail a visitor the code with which another phone of theirs may open the link."""
    reader = _Reader(email=visitor.email, name=visitor.name, language=Language(visitor.language))
    letter = replace(_letter(work, visit, reader, LetterKind.CODE), code=code, code_life=life)
    notifications.send_letter(work, letter, deadline=work.now + life)


def tell_host_declined(work: Work, visit_id: VisitId) -> None:
    """Mail the host that the visit was not approved."""
    visit = work.session.get_one(Visit, visit_id)
    host = work.session.get_one(Person, visit.host)
    reader = _Reader(email=host.email, name=host.name, language=Language(host.language))
    letter = _letter(work, visit, reader, LetterKind.DECLINED)
    notifications.send_letter(work, letter, deadline=visit.ends_at)


def _tell(
    work: Work, visit: Visit, visitor: Visitor, kind: LetterKind, pass_picture: bytes | None = None
) -> None:
    if not visitor.email:
        # A walk-in need not give an address: what counts is on the phone in their hand.
        return
    reader = _Reader(email=visitor.email, name=visitor.name, language=Language(visitor.language))
    over = kind in OVER
    site = models.welcome_of(work.session, visit.site)
    letter = replace(
        _letter(work, visit, reader, kind),
        note="" if over else visit.note,
        bring=""
        if over
        else "\n".join(filter(None, (in_words(site.bring, reader.language), visit.bring))),
        directions="" if over else in_words(site.directions, reader.language),
        link="" if over else guests.link_of(work, visitor),
        pass_picture=pass_picture,
        calendar_uid=f"{visitor.id}@genkan",
        # Calendars ignore a cancellation that is not newer than what they know.
        sequence=visit.sequence + over,
    )
    # News of a visit that is over helps nobody: the mail is not sent any more.
    notifications.send_letter(work, letter, reference=visitor.id, deadline=visit.ends_at)
    guests.note_mail(work, visitor.id, MailState.WAITING)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    email: str
    name: str
    language: Language


def _letter(work: Work, visit: Visit, reader: _Reader, kind: LetterKind) -> Letter:
    site = work.session.get_one(Site, visit.site)
    return Letter(
        kind=kind,
        language=reader.language,
        recipient=reader.email,
        name=reader.name,
        title=visit.title,
        host=work.session.get_one(Person, visit.host).name,
        site=name_in(site, reader.language),
        place=place.described(work, visit.site, visit.room, reader.language),
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        time_zone=site.time_zone,
        reason=visit.reason,
    )
