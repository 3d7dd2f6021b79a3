"""Telling reception that somebody waits in a chat, and letting that rest once somebody of them took it up."""

from collections.abc import Sequence

from server.conversations.events import (
    AnswerWanted,
    CallBegun,
    ConversationClosed,
    HandedOver,
    MessageSaid,
)
from server.conversations.models import Conversation
from server.conversations.office_hours import is_staffed
from server.conversations.rules import Author, State
from server.kernel.ids import ConversationId
from server.kernel.principal import Right
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import NewNotice, NoticeKind
from server.people import models as people
from server.people.actions import RIGHTS, Role
from server.people.models import Person
from server.visits import actions as visits
from server.visits.models import Visitor

_ANSWER = (Role.RECEPTION, Role.SECURITY, Role.ADMINISTRATOR)
"""Who is told: those of the first of these roles that anybody has. All who may answer see the inbox."""


def tell_reception(work: Work, wanted: AnswerWanted) -> None:
    """Tell those who answer for reception, on their channels, within the office hours; who took it, alone."""
    if wanted.of is not State.RECEPTION:
        return
    _tell(work, wanted.conversation, NoticeKind.MESSAGE, str(wanted.number))


def tell_called(work: Work, begun: CallBegun) -> None:
    """Tell the same people that somebody without a visit rings; the host is told of all others."""
    if begun.by_visitor and begun.visit is None:
        _tell(work, begun.conversation, NoticeKind.CALL, begun.call)


def settle_reception(work: Work, it: MessageSaid | HandedOver | ConversationClosed) -> None:
    """Let what reception was told rest: somebody answered, or it waits for reception no longer."""
    match it:
        case MessageSaid(author=author) if author not in {Author.HOST, Author.RECEPTION}:
            return
        case HandedOver(to=State.RECEPTION):
            return
        case _:
            notifications.reacted_at(work, inbox_path(it.conversation))


def inbox_path(conversation: ConversationId) -> str:
    """Return where reception's notices lead."""
    return f"/panel/inbox/{conversation}"


def _tell(work: Work, conversation: ConversationId, kind: NoticeKind, what: str) -> None:
    found = work.session.get_one(Conversation, conversation)
    if found.person is None and not is_staffed(work, found.site):
        # The inbox shows it when they come; the visitor is told when that is.
        return
    for person in _readers(work, found):
        news = NewNotice(
            kind=kind,
            path=inbox_path(found.id),
            visit=found.visit,
            visitor=found.visitor,
            details=_details(work, found),
            once=visits.once_about(kind, f"{found.id}:{what}:{person.id}"),
        )
        notifications.tell(work, visits.recipient(person), news)


def _readers(work: Work, found: Conversation) -> Sequence[Person]:
    taken = work.session.get(Person, found.person) if found.person else None
    if taken is not None and taken.active:
        roles = people.roles_of(work.session, taken.id)
        if any(Right.CONVERSATIONS_ANSWER in RIGHTS[role] for role in roles):
            return [taken]
    for role in _ANSWER:
        if those := people.active_in(work.session, role):
            return those
    return []


def _details(work: Work, found: Conversation) -> dict[str, str]:
    visitor = work.session.get(Visitor, found.visitor) if found.visitor else None
    if visitor is not None:
        return {"name": visitor.name, "company": visitor.company}
    return {"name": found.nickname} if found.nickname else {}
