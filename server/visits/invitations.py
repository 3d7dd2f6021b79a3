"""What visitors and hosts are told about a visit: which letter, with what in it, to whom."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from access_protocol.wording import Language
from server.kernel.ids import VisitId, VisitorId
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import OVER, LetterKind
from server.people.models import Person
from server.visits import guests, lettering, models, series_letters
from server.visits.lettering import Reader
from server.visits.models import Visit, Visitor
from server.visits.reply_address import reply_address
from server.visits.rules import MailState, VisitState

Picture = Callable[[Work, VisitorId], bytes | None]
"""Draws the pass of a visitor that counts now, if one does."""


def invite(work: Work, visitor_id: VisitorId, picture: Picture) -> None:
    """Mail a visitor how their visit stands: an invitation at first, a change where they had one before.

    Of a series the visitor gets one mail at the end of the work, whatever happened to its dates in it.
    """
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        return
    visit, visitor = found
    if visit.state is not VisitState.CONFIRMED or not visitor.is_expected:
        return
    if visit.series is not None:
        series_letters.ask(work, visit, visitor, with_pass=True)
        return
    first = visitor.mail is MailState.NONE
    kind = LetterKind.INVITATION if first else LetterKind.CHANGE
    _tell(work, visit, visitor, kind, picture(work, visitor_id))


def uninvite(work: Work, visitor_id: VisitorId) -> None:
    """Mail a visitor that they shall not come after all."""
    found = models.with_visitor(work.session, visitor_id)
    if found is not None:
        _take_out(work, *found, LetterKind.CANCELLATION)


def tell_declined(work: Work, visitor_id: VisitorId) -> None:
    """Confirm to a visitor that they will not come, and take the visit out of their calendar."""
    found = models.with_visitor(work.session, visitor_id)
    if found is not None:
        _take_out(work, *found, LetterKind.REGRET)


def tell_kept(work: Work, visitor_id: VisitorId) -> None:
    """Mail a visitor that their host cannot do what they asked for: the visit stays as it is."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None or not found[1].is_expected or not found[1].email:
        return
    visit, visitor = found
    letter = lettering.plain(work, visit, Reader.visitor(visitor), LetterKind.KEPT)
    letter = replace(letter, link=guests.link_of(work, visitor))
    notifications.send_letter(
        work, letter, deadline=visit.ends_at, reply_to=reply_address(work, visitor_id)
    )


def tell_moved(work: Work, visitor_id: VisitorId, pass_picture: bytes) -> None:
    """Mail a visitor that another phone took their invitation over, with the pass that counts now."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None:
        return
    visit, visitor = found
    if visit.series is None:
        _tell(work, visit, visitor, LetterKind.MOVED, pass_picture)
    else:
        series_letters.send_pass(work, visit, visitor, LetterKind.MOVED, pass_picture)


def tell_new_host(work: Work, visitor_id: VisitorId, picture: Picture) -> None:
    """Mail a visitor that somebody else receives them now, with the pass that they have, for it counts on."""
    found = models.with_visitor(work.session, visitor_id)
    if found is None or not found[1].is_expected:
        return
    visit, visitor = found
    if visit.series is not None:
        series_letters.ask(work, visit, visitor, with_pass=True)
    else:
        _tell(work, visit, visitor, LetterKind.NEW_HOST, picture(work, visitor_id))


def send_code(work: Work, visit: Visit, visitor: Visitor, code: str, life: timedelta) -> None:
    """Mail a visitor the code with which another phone of theirs may open the link."""
    letter = lettering.plain(work, visit, Reader.visitor(visitor), LetterKind.CODE)
    letter = replace(letter, code=code, code_life=life)
    notifications.send_letter(work, letter, deadline=work.now + life)


def tell_host_declined(work: Work, visit_id: VisitId) -> None:
    """Mail the host that the visit was not approved."""
    visit = work.session.get_one(Visit, visit_id)
    host = work.session.get_one(Person, visit.host)
    reader = Reader(email=host.email, name=host.name, language=Language(host.language))
    letter = lettering.plain(work, visit, reader, LetterKind.DECLINED)
    notifications.send_letter(work, letter, deadline=visit.ends_at)


def _take_out(work: Work, visit: Visit, visitor: Visitor, kind: LetterKind) -> None:
    if visit.series is None:
        _tell(work, visit, visitor, kind)
    else:
        series_letters.ask(work, visit, visitor)


def _tell(
    work: Work, visit: Visit, visitor: Visitor, kind: LetterKind, pass_picture: bytes | None = None
) -> None:
    if not visitor.email:
        # A walk-in need not give an address: what counts is on the phone in their hand.
        return
    letter = replace(
        lettering.to_visitor(work, visit, visitor, kind),
        pass_picture=pass_picture,
        calendar_uid=f"{visitor.id}@genkan",
        # Calendars ignore a cancellation that is not newer than what they know.
        sequence=visit.sequence + (kind in OVER),
    )
    # News of a visit that is over helps nobody: the mail is not sent any more.
    notifications.send_letter(
        work,
        letter,
        reference=visitor.id,
        deadline=visit.ends_at,
        reply_to=reply_address(work, visitor.id),
    )
    guests.note_mail(work, visitor.id, MailState.WAITING)
