"""Saying something: once, in order, with its files; then the bot's turn, where it is the bot's."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

from access_protocol.wording import Language
from server.conversations import handing, models, questions, store, thread
from server.conversations.files import Checked
from server.conversations.finding import hold, side_for
from server.conversations.models import Attachment, Conversation, Message
from server.conversations.rules import (
    LONGEST_KEY,
    MOST_A_MINUTE,
    MOST_FILES,
    MOST_FILES_KEPT,
    MOST_MESSAGES,
    MOST_OF_STRANGERS,
    Author,
    Channel,
    MessageText,
    Note,
    State,
    after_person,
    bot_may_speak,
)
from server.kernel.errors import Conflict, Invalid, TooMany
from server.kernel.ids import AttachmentId, ConversationId
from server.kernel.refusals import invalid_from
from server.kernel.work import Work

_TEXT = TypeAdapter[str](MessageText)
_MINUTE = timedelta(minutes=1)


def say(
    work: Work,
    conversation_id: ConversationId,
    text: str,
    files: Sequence[Checked] = (),
    *,
    author: Author,
    channel: Channel = Channel.PAGE,
    key: str = "",
) -> Message:
    """Say something as visitor, host or reception; what follows from it (the bot, telling people) follows at once.

    `files` come from `files.checked`, which takes its time and is called before the work begins. `key` is the sender's
    own name of the message (a form's token, a messenger's or mail's message id): said twice, it is said once, and the
    first one is returned. Raises `Invalid` for field `text` or `files`, `TooMany`, `Conflict`, `NotFound`.
    """
    found = hold(work, conversation_id, side_for(author))
    known = models.with_key(work.session, found.id, key[:LONGEST_KEY]) if key else None
    if known is not None:
        return known
    said = _cleaned(text)
    if not said and not files:
        raise Invalid([("text", "Please write something, or choose a file.")])
    _check_limits(work, found, author, files)
    if author is Author.VISITOR:
        unread = models.unread(work.session, found.id, _read_by_house(found), [Author.VISITOR])
        made = _add(work, found, author, said, files, channel, key)
        _answer_visitor(work, found, said, files, first=not unread)
    else:
        _take_over(work, found, author)
        made = _add(work, found, author, said, files, channel, key)
    return made


def ask_listed(
    work: Work, conversation_id: ConversationId, question_id: str, key: str = ""
) -> Message:
    """Ask one of the questions that are offered as buttons: its words are said, and the bot knows which it is."""
    found = hold(work, conversation_id, side_for(Author.VISITOR))
    question = questions.offered(work, found.site, question_id)
    words = questions.in_language(question.asked, Language(found.language))
    return say(work, found.id, words[0] if words else "", author=Author.VISITOR, key=key)


def _add(
    work: Work,
    found: Conversation,
    author: Author,
    text: str,
    files: Sequence[Checked],
    channel: Channel,
    key: str,
) -> Message:
    person = None if author is Author.VISITOR else work.principal.person
    made = thread.add(
        work,
        found,
        author,
        text,
        channel=channel,
        person=person,
        key=key[:LONGEST_KEY] or None,
    )
    for each in files:
        stored = work.ids.random_bytes(16).hex()
        store.put(work.settings.data_folder, stored, each.content)
        work.session.add(
            Attachment(
                id=AttachmentId(work.ids.new()),
                conversation=found.id,
                message=made.id,
                name=each.name,
                media_type=each.media_type,
                stored=stored,
                size=len(each.content),
                width=each.width,
                height=each.height,
                at=work.now,
            )
        )
    work.session.flush()
    return made


def _answer_visitor(
    work: Work, found: Conversation, text: str, files: Sequence[Checked], *, first: bool
) -> None:
    """Let the bot answer, or note that a person's answer is waited for."""
    if found.state is State.CLOSED:
        found.state = State.BOT
    if bot_may_speak(found.state):
        _bot(work, found, text, has_files=bool(files))
        return
    found.waiting_since = found.waiting_since or work.now
    if found.state is State.HOST:
        found.due_at = found.due_at or handing.due(work, found)
    if first:
        handing.want_answer(work, found)


def _bot(work: Work, found: Conversation, text: str, *, has_files: bool) -> None:
    answer = questions.answer(work, found.site, text, Language(found.language)) if text else None
    if answer is not None and not has_files:
        thread.add(work, found, Author.BOT, answer.text, question=answer.question)
        return
    note = Note.FILE_RECEIVED if has_files else Note.UNKNOWN
    thread.add(work, found, Author.BOT, note=note)
    handing.to_person(work, found)


def _take_over(work: Work, found: Conversation, author: Author) -> None:
    """Let the person who speaks be the one whose turn it is; the bot is quiet from now on."""
    found.state = after_person(author)
    found.person = work.principal.person
    found.due_at = found.waiting_since = None


def _cleaned(text: str) -> str:
    try:
        return _TEXT.validate_python(text)
    except ValidationError as error:
        refused = invalid_from(error)
        raise Invalid([("text", each.why) for each in refused.errors]) from None


def _check_limits(
    work: Work, found: Conversation, author: Author, files: Sequence[Checked]
) -> None:
    if len(files) > MOST_FILES:
        raise Invalid([("files", f"At most {MOST_FILES} files fit into one message.")])
    if found.last_number >= MOST_MESSAGES:
        raise Conflict("This conversation is full. Please call us.")
    if files and models.files_in(work.session, found.id) + len(files) > MOST_FILES_KEPT:
        raise Invalid([("files", "This conversation holds as many files as it can.")])
    if files and found.stranger is not None:
        sent = sum(len(each.content) for each in files)
        if models.bytes_of_strangers(work.session, found.site) + sent > MOST_OF_STRANGERS:
            raise Invalid([("files", "We cannot take files here at the moment.")])
    if author is not Author.VISITOR:
        return
    said = models.said_since(work.session, found.id, author, work.now - _MINUTE)
    if said >= MOST_A_MINUTE:
        raise TooMany("That was a lot at once. Please wait a minute, then go on.", _MINUTE)


def _read_by_house(found: Conversation) -> int:
    return found.host_read if found.state is State.HOST else found.reception_read
