"""The guests of a visit: how they come on its list and off it, their links, and the mail they got."""

from collections.abc import Sequence

from sqlmodel import select

from access_protocol.ids import CREDENTIAL_ID_BYTES, CredentialId
from access_protocol.wording import Language
from server.kernel import live
from server.kernel.errors import Invalid
from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.visits import models
from server.visits.events import VisitorInvited, VisitorUninvited
from server.visits.link_models import RetiredLink
from server.visits.models import Visit, Visitor
from server.visits.rules import (
    MOST_VISITORS,
    Answer,
    InvitedVisitor,
    MailState,
    NewVisitor,
    VisitState,
    WalkInGuest,
    repeated_email,
)

LINK_PATH = "v"
"""Links of visitors are `<base_url>/v/<token>`."""


def link_of(work: Work, visitor: Visitor) -> str:
    """Return the visitor's own link, for their mail and nobody else's eyes."""
    token = work.sealer.unseal(visitor.sealed_link, _purpose(visitor.id)).decode("ascii")
    return f"{str(work.settings.base_url).rstrip('/')}/{LINK_PATH}/{token}"


def seal_links_anew(work: Work) -> None:
    """Seal with the present master key the links and needs that the previous one sealed."""
    for visitor in work.session.exec(select(Visitor)).all():
        if visitor.forgotten_at is not None:
            continue
        visitor.sealed_link = work.sealer.renewed(visitor.sealed_link, _purpose(visitor.id))
        if visitor.sealed_needs:
            purpose = _needs_purpose(visitor.id)
            visitor.sealed_needs = work.sealer.renewed(visitor.sealed_needs, purpose)


def seal_needs(work: Work, visitor: VisitorId, needs: str) -> bytes:
    """Return what a visitor needs as it is stored: sealed, for it may tell of their health."""
    return work.sealer.seal(needs.encode(), _needs_purpose(visitor)) if needs else b""


def needs_of(work: Work, visitor: Visitor) -> str:
    """Return what a visitor needs, for host, security and the visitor; nothing where they said nothing."""
    if not visitor.sealed_needs:
        return ""
    return work.sealer.unseal(visitor.sealed_needs, _needs_purpose(visitor.id)).decode()


def tell_page(work: Work, visit: Visit, visitor: Visitor) -> None:
    """Let the visitor's own page fetch anew what it shows."""
    live.notice(work, "visitor", about=visitor.id, site=visit.site)


def note_mail(work: Work, visitor_id: VisitorId, state: MailState) -> None:
    """Note what became of the latest mail to a visitor, so that the host sees it."""
    visitor = work.session.get(Visitor, visitor_id)
    if visitor is None:
        return
    visitor.mail = state
    visit = work.session.get_one(Visit, visitor.visit)
    live.notice(work, "visits", about=visit.id, site=visit.site)


def check(guests: Sequence[Visitor | NewVisitor]) -> None:
    """Raise `Invalid` where a list is too long or names an address twice."""
    if len(guests) > MOST_VISITORS:
        raise Invalid([("visitors", f"must be at most {MOST_VISITORS}")])
    if twice := repeated_email([guest.email for guest in guests]):
        raise Invalid([("visitors", f"{twice} is invited twice")])


def as_listed(guest: Visitor) -> InvitedVisitor:
    """Return a guest as a line of the list that `change` takes."""
    return InvitedVisitor.model_construct(
        id=guest.id,
        name=guest.name,
        email=guest.email,
        company=guest.company,
        language=guest.language,
    )


def differ(guests: Sequence[Visitor], wanted: Sequence[InvitedVisitor]) -> bool:
    """Tell whether somebody is wanted who is not on the list as such."""
    known = {(guest.id, guest.name, guest.email.lower()) for guest in guests}
    return any((each.id, each.name, each.email.lower()) not in known for each in wanted)


def change(
    work: Work, visit: Visit, guests: list[Visitor], wanted: Sequence[InvitedVisitor] | None
) -> list[Visitor]:
    """Bring the guest list to what is wanted; return who was on it and stays."""
    if wanted is None:
        return guests
    check(wanted)
    by_id = {guest.id: guest for guest in guests}
    if any(each.id is not None and each.id not in by_id for each in wanted):
        raise Invalid([("visitors", "names somebody who is not invited to this visit")])
    stayed: list[Visitor] = []
    new: list[NewVisitor] = []
    for each in wanted:
        guest = by_id.get(each.id) if each.id else None
        if guest is None or guest.email.lower() != each.email.lower():
            new.append(each)
        elif guest not in stayed:
            guest.name, guest.company = each.name, each.company
            guest.language = each.language or guest.language
            stayed.append(guest)
    uninvite(work, visit, [guest for guest in guests if guest not in stayed])
    invite(work, visit, [add(work, visit, each) for each in new])
    return stayed


def add(work: Work, visit: Visit, new: NewVisitor) -> Visitor:
    """Put somebody on the list, with a credential's id and a link of their own."""
    visitor = Visitor(
        id=VisitorId(work.ids.new()),
        visit=visit.id,
        name=new.name,
        email=new.email,
        company=new.company,
        language=new.language or Language(visit.language),
        credential=CredentialId(work.ids.random_bytes(CREDENTIAL_ID_BYTES)),
        link_hash="",
        sealed_link=b"",
        created_at=work.now,
        address_unproven=isinstance(new, WalkInGuest),
    )
    new_link(work, visitor)
    work.session.add(visitor)
    return visitor


def new_link(work: Work, visitor: Visitor) -> None:
    """Give a guest a new random link; one before it leads to the newer, and its phone keeps it no longer."""
    if visitor.link_hash:
        work.session.add(RetiredLink(link_hash=visitor.link_hash, visitor=visitor.id))
    token = work.ids.secret()
    visitor.link_hash = models.link_hash(token)
    visitor.sealed_link = work.sealer.seal(token.encode("ascii"), _purpose(visitor.id))
    visitor.link_revoked_at = None


def invite(work: Work, visit: Visit, guests: Sequence[Visitor]) -> None:
    """Record that guests are invited, where the visit is confirmed; but for those who declined."""
    work.session.flush()
    if visit.state is not VisitState.CONFIRMED:
        return
    for guest in guests:
        if guest.declined_at is not None:
            continue
        work.record(
            VisitorInvited(
                visitor=guest.id, visit=visit.id, credential=CredentialId(guest.credential)
            )
        )


def uninvite(work: Work, visit: Visit, guests: Sequence[Visitor]) -> None:
    """Take guests off the list; their links open nothing any more."""
    for guest in guests:
        guest.removed_at = guest.link_revoked_at = work.now
    _close_questions(work, visit, set(ids(guests)))
    work.session.flush()
    tell_uninvited(work, visit, guests, confirmed=visit.state is VisitState.CONFIRMED)


def tell_uninvited(work: Work, visit: Visit, guests: Sequence[Visitor], *, confirmed: bool) -> None:
    """Record that guests shall not come, for those who were ever told that they may."""
    for guest in guests:
        # Who declined got a cancellation then.
        if guest.declined_at is None and (confirmed or guest.mail is not MailState.NONE):
            work.record(
                VisitorUninvited(
                    visitor=guest.id, visit=visit.id, credential=CredentialId(guest.credential)
                )
            )


def ids(guests: Sequence[Visitor]) -> tuple[VisitorId, ...]:
    """Return the ids of guests."""
    return tuple(guest.id for guest in guests)


def _close_questions(work: Work, visit: Visit, gone: set[VisitorId]) -> None:
    """Let nobody be asked any more what somebody wished for who shall not come."""
    asked = [(each.visitor, each) for each in models.wishes_of(work.session, visit.id)]
    asked += [(each.brought_by, each) for each in models.companions_of(work.session, visit.id)]
    for visitor, question in asked:
        if visitor in gone and question.state is Answer.WAITING:
            question.state = Answer.REPLACED


def _needs_purpose(visitor: VisitorId) -> str:
    return f"visitor-needs:{visitor}"


def _purpose(visitor: VisitorId) -> str:
    return f"visitor-link:{visitor}"
