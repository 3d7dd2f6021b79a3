"""Telling people of a conversation: the host is told that somebody wrote, and what they answered settles it."""

from server.conversations.events import AnswerWanted, CallBegun, MessageSaid
from server.conversations.rules import Author, State
from server.kernel.ids import ConversationId
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import NewsKind, NoticeKind
from server.visits import actions as visits


def tell_wanted(work: Work, wanted: AnswerWanted) -> None:
    """Tell the host, on their channels, that a visitor waits for an answer."""
    if wanted.of is State.HOST and wanted.visit is not None:
        visits.tell_host(
            work,
            wanted.visit,
            wanted.visitor,
            NoticeKind.MESSAGE,
            path=host_path(wanted.conversation),
            once=f"{wanted.conversation}:{wanted.number}",
        )


def settle_answered(work: Work, said: MessageSaid) -> None:
    """Let what was told of a visitor rest once somebody answered them, and tell the visitor that there is an answer."""
    if said.author not in {Author.HOST, Author.RECEPTION} or said.visitor is None:
        return
    notifications.reacted_about(work, said.visitor)
    visits.tell_joined(work, said.visitor, NewsKind.MESSAGE)


def tell_called(work: Work, begun: CallBegun) -> None:
    """Tell the host or the visitor who is rung and does not look at the page."""
    if not begun.by_visitor:
        if begun.visitor is not None:
            visits.tell_joined(work, begun.visitor, NewsKind.MESSAGE)
    elif begun.visit is not None:
        visits.tell_host(
            work,
            begun.visit,
            begun.visitor,
            NoticeKind.CALL,
            path=host_path(begun.conversation),
            once=begun.call,
        )


def host_path(conversation: ConversationId) -> str:
    """Return where a tap on the notice leads."""
    return f"/host/chat/{conversation}"
