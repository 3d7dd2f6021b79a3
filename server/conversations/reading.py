"""Reading a conversation: its messages with their files, what is unread, and the marks of who has read how far."""

from collections.abc import Sequence
from dataclasses import dataclass

from server.conversations import handing, models, store, thread
from server.conversations.finding import find, hold
from server.conversations.models import Attachment, Conversation, Message
from server.conversations.rules import Author, Side, State, mark
from server.kernel.errors import NotFound
from server.kernel.ids import AttachmentId, ConversationId
from server.kernel.work import Work

MOST_SHOWN = 100
"""Messages on one page; earlier ones are fetched when asked for."""
_OTHERS = {
    Side.VISITOR: (Author.BOT, Author.HOST, Author.RECEPTION),
    Side.HOST: (Author.VISITOR, Author.RECEPTION),
    Side.RECEPTION: (Author.VISITOR, Author.HOST),
}


@dataclass(frozen=True)
class Said:
    """A message with its files, and whether the other side has read it."""

    message: Message
    files: Sequence[Attachment]
    read: bool


def messages_of(
    work: Work,
    conversation_id: ConversationId,
    *,
    before: int | None = None,
    limit: int = MOST_SHOWN,
) -> list[Said]:
    """Return messages of a conversation that the caller may see, oldest first; earlier ones than `before` if given."""
    found = find(work, conversation_id)
    files = models.attachments_of(work.session, found.id)
    house = max(found.host_read, found.reception_read)
    return [
        Said(
            each,
            files.get(each.id, []),
            each.number <= (house if each.author is Author.VISITOR else found.visitor_read),
        )
        for each in models.messages(work.session, found.id, limit, before)
    ]


def unread(work: Work, found: Conversation, side: Side) -> int:
    """Return how many messages of the others this side has not read."""
    return models.unread(work.session, found.id, mark_of(found, side), _OTHERS[side])


def mark_of(found: Conversation, side: Side) -> int:
    """Return the number of the newest message that a side has read."""
    match side:
        case Side.VISITOR:
            return found.visitor_read
        case Side.HOST:
            return found.host_read
        case Side.RECEPTION:
            return found.reception_read


def mark_read(work: Work, conversation_id: ConversationId, side: Side, number: int) -> None:
    """Note that a side has read up to a message; a mark never goes back, nor beyond what was said."""
    found = hold(work, conversation_id, side)
    before = mark_of(found, side)
    after = mark(before, number, found.last_number)
    if after == before:
        return
    match side:
        case Side.VISITOR:
            found.visitor_read = after
        case Side.HOST:
            found.host_read = after
            # Whoever reads is about to answer: the time counts from here.
            if found.state is State.HOST and found.due_at is not None:
                found.due_at = handing.due(work, found)
        case Side.RECEPTION:
            found.reception_read = after
    thread.show(work, found)


def open_file(
    work: Work, conversation_id: ConversationId, attachment_id: AttachmentId
) -> tuple[Attachment, bytes]:
    """Return a file of a conversation that the caller takes part in."""
    found = find(work, conversation_id)
    attachment = work.session.get(Attachment, attachment_id)
    if attachment is None or attachment.conversation != found.id:
        raise NotFound("There is no such file.")
    return attachment, store.get(work.settings.data_folder, attachment.stored)


def open_picture(work: Work, conversation_id: ConversationId) -> bytes:
    """Return the picture that the visitor sent of themselves (JPEG)."""
    found = find(work, conversation_id)
    if not found.picture:
        raise NotFound("There is no picture.")
    return store.get(work.settings.data_folder, found.picture)
