"""The thread itself: messages are added under the next number, and open pages on both sides are told."""

from collections.abc import Iterable

from server.conversations import store
from server.conversations.events import MessageSaid
from server.conversations.models import Conversation, Message
from server.conversations.rules import ON_THE_SIDE, Author, Channel, Note, Side
from server.kernel import live
from server.kernel.ids import MessageId, PersonId, QuestionId
from server.kernel.work import Work

NOTICE = "conversations"
"""Live notices of this name tell host and reception that something was said, read or handed over."""


def add(  # noqa: PLR0913  what a message is made of
    work: Work,
    found: Conversation,
    author: Author,
    text: str = "",
    *,
    note: Note | None = None,
    channel: Channel = Channel.PAGE,
    person: PersonId | None = None,
    question: QuestionId | None = None,
    key: str | None = None,
) -> Message:
    """Add a message to a conversation that the caller holds; returned with its number."""
    found.last_number += 1
    found.last_at = work.now
    made = Message(
        id=MessageId(work.ids.new()),
        conversation=found.id,
        number=found.last_number,
        author=author,
        person=person,
        text=text,
        note=note,
        question=question,
        channel=channel,
        key=key,
        at=work.now,
    )
    if author in ON_THE_SIDE:
        _read_all(found, ON_THE_SIDE[author])
    work.session.add_all([found, made])
    work.session.flush()
    show(work, found)
    if author is not Author.SYSTEM:
        work.record(
            MessageSaid(
                message=made.id,
                conversation=found.id,
                site=found.site,
                visit=found.visit,
                visitor=found.visitor,
                author=author,
                channel=channel,
            )
        )
    return made


def show(work: Work, found: Conversation) -> None:
    """Let the open pages on both sides fetch the conversation anew."""
    live.notice(work, live.VISITOR, about=found.visitor or found.id, site=found.site)
    live.notice(work, NOTICE, about=found.id, site=found.site)


def drop_files(work: Work, names: Iterable[str]) -> None:
    """Delete stored files at the end of the work."""
    folder = work.settings.data_folder
    for name in names:
        work.at_the_end(
            ("conversations.drop", name), lambda _, name=name: store.remove(folder, name)
        )


def _read_all(found: Conversation, side: Side) -> None:
    """Who speaks has read what was said before."""
    match side:
        case Side.VISITOR:
            found.visitor_read = found.last_number
        case Side.HOST:
            found.host_read = found.last_number
        case Side.RECEPTION:
            found.reception_read = found.last_number
