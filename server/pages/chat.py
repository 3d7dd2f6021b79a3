"""A chat on a page: its messages as one side reads them, its form, and its files, for visitors and the house alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flask import Response, render_template, request
from werkzeug.datastructures import FileStorage

from access_protocol.wording import Language
from server.conversations import actions
from server.conversations.actions import (
    LARGEST_FILE,
    MOST_FILES,
    Author,
    Checked,
    FileRefused,
    Refusal,
    Side,
    State,
)
from server.conversations.models import Attachment, Conversation
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.ids import AttachmentId, PersonId
from server.kernel.request import office
from server.kernel.work import Work
from server.pages.names import Names
from server.web.forms import Form
from server.web.languages import current, gettext
from server.web.limits import Busy, heed

LARGEST_BODY = MOST_FILES * LARGEST_FILE + 256 * 1024
"""Bytes of a form with all the files that one message may have."""
FILES_LOOKED_INTO = "30 per minute; 300 per hour"
"""Of one address, and of one conversation: each picture is decoded and drawn anew."""
FIELDS = ("text", "files")
_AUTHORS = {
    Side.VISITOR: Author.VISITOR,
    Side.HOST: Author.HOST,
    Side.RECEPTION: Author.RECEPTION,
}
_DIGITS = 6
SEEN = "X-Seen"
"""Header by which an open page says that somebody looks at it, so that what it fetches counts as read."""


class FileLine(NamedTuple):
    """A file as the page shows it."""

    name: str
    url: str
    is_picture: bool
    width: int | None
    height: int | None
    size: str


class Line(NamedTuple):
    """A message as the page shows it."""

    key: str
    number: int
    mine: bool
    kind: str
    """visitor, bot, person or system: how it looks."""
    who: str
    words: str
    at: datetime
    files: list[FileLine]
    read: bool


@dataclass(frozen=True)
class Place:
    """Where a chat stands: who reads it there, and its address, below which are /thread and /files/<id>."""

    side: Side
    url: str
    before: int | None = None


def shown(work: Work, found: Conversation, place: Place) -> dict[str, object]:
    """Return what the templates chat_thread.html and chat_form.html need."""
    said = actions.messages_of(work, found.id, before=place.before)
    names, language = Names(work), Language(current())
    lines = [_line(names, found, each, place, language) for each in said]
    first = lines[0].number if lines else 1
    return {
        "lines": lines,
        "chat_url": place.url,
        "earlier": first if first > 1 else None,
        "state": found.state.value,
        "state_words": _state_words(found, place.side),
        "buttons": _buttons(work, found) if place.side is Side.VISITOR else [],
        "last_number": found.last_number,
        "key": office().ids.secret(12),
        "most": actions.LONGEST_MESSAGE,
        "picture": picture_url(found, place),
        "avatar": found.avatar,
        "called": name_of(found),
    }


def name_of(found: Conversation) -> str:
    """Return what to call the visitor."""
    return found.nickname or gettext("A visitor")


def picture_url(found: Conversation, place: Place) -> str:
    """Return where the visitor's own picture is, or nothing."""
    return f"{place.url}/picture/{found.picture}" if found.picture else ""


def is_unread(found: Conversation, side: Side) -> bool:
    """Tell whether something is shown now that this side has not been noted to have read."""
    return actions.mark_of(found, side) < found.last_number


def looked_at() -> bool:
    """Tell whether somebody looks at the page that asks: at a whole page yes, for a fragment its page says so."""
    return "HX-Request" not in request.headers or request.headers.get(SEEN) == "1"


def sent_files(form: Form, whose: Iterable[str] = ()) -> list[Checked]:
    """Return the files of the form as they may be kept; what is refused stands beside the field.

    Looking into them is counted for this address, and for the conversations `whose` files they are.
    """
    sent = [each for each in request.files.getlist("files") if each.filename]
    if len(sent) > MOST_FILES:
        form.refuse(
            "files", gettext("At most %(most)d files fit into one message.", most=MOST_FILES)
        )
        return []
    try:
        if sent:
            heed(FILES_LOOKED_INTO, "files", *whose, cost=len(sent))
    except Busy as error:
        form.take(error)
        return []
    found: list[Checked] = []
    for each in sent:
        try:
            found.append(actions.checked_file(each.filename or "", _content(each)))
        except FileRefused as error:
            form.refuse("files", refusal_words(error.refusal, error.name))
    return found


def say(work: Work, found: Conversation, side: Side, form: Form, files: Sequence[Checked]) -> None:
    """Do what a side's form asks for: say something; of a visitor also press a question, or ask for a person.

    What is refused stands in the form then.
    """
    author, key = _AUTHORS[side], form.value("key")
    by_visitor = side is Side.VISITOR
    try:
        if by_visitor and form.value("person"):
            actions.ask_person(work, found.id)
        elif by_visitor and form.value("ask"):
            actions.ask_listed(work, found.id, form.value("ask"), key)
        else:
            actions.say(work, found.id, form.value("text"), files, author=author, key=key)
    except GenkanError as error:
        form.take(error, FIELDS)


def left(form: Form) -> Form:
    """Return the form to show next: empty, or with what was refused and why."""
    return form if form.has_errors else Form()


def is_script() -> bool:
    """Tell whether the page's script asks, which takes the chat alone."""
    return "HX-Request" in request.headers


def before() -> int | None:
    """Return before which message the page is to begin, where earlier ones are wanted."""
    wanted = request.args.get("before", "")
    return int(wanted) if wanted.isdecimal() and len(wanted) < _DIGITS else None


def file_answer(work: Work, found: Conversation | None, attachment: str) -> Response:
    """Return a file: pictures are shown, all else is saved; nothing in it can run."""
    if found is None:
        raise NotFound("There is no such file.")
    kept, content = actions.open_file(work, found.id, AttachmentId(attachment))
    response = bytes_answer(content, kept.media_type)
    if not kept.media_type.startswith("image/"):
        response.headers.set("Content-Disposition", "attachment", filename=kept.name)
    return response


def picture_answer(work: Work, found: Conversation | None) -> Response:
    """Return the picture that somebody sent of themselves."""
    if found is None:
        raise NotFound("There is no picture.")
    return bytes_answer(actions.open_picture(work, found.id), "image/jpeg")


def bytes_answer(content: bytes, media_type: str) -> Response:
    """Return what somebody sent, in a sandbox of its own."""
    response = Response(content, mimetype=media_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def page(
    work: Work, found: Conversation, place: Place, form: Form, template: str, **values: object
) -> Response:
    """Return the page, or for a page's script the chat alone with what is wrong in its form."""
    alone = "HX-Request" in request.headers
    text = render_template(
        "chat_now.html" if alone else template, form=form, **shown(work, found, place), **values
    )
    status = Invalid.status if form.has_errors and not alone else 200
    return Response(text, status, mimetype="text/html")


def thread(work: Work, found: Conversation, place: Place) -> Response:
    """Return the messages alone, for a page that is open and learned that something was said."""
    text = render_template("chat_thread.html", **shown(work, found, place))
    return Response(text, mimetype="text/html")


def refusal_words(refusal: Refusal, name: str) -> str:
    """Return why a file is not taken, in the reader's language."""
    match refusal:
        case Refusal.EMPTY:
            words = gettext("“%(name)s” is empty.", name=name)
        case Refusal.TOO_LARGE:
            words = gettext(
                "“%(name)s” is larger than 10 MB. Please send a smaller one.", name=name
            )
        case Refusal.ARCHIVE:
            words = gettext(
                "“%(name)s” is an archive or office document, which we do not take. "
                "Please send it as a picture or PDF.",
                name=name,
            )
        case Refusal.DAMAGED:
            words = gettext("“%(name)s” is damaged. Please send it again.", name=name)
        case Refusal.UNKNOWN:
            words = gettext(
                "“%(name)s” is neither a picture (JPEG, PNG, WebP, GIF) nor a PDF.", name=name
            )
        case Refusal.TOO_MANY_PIXELS:
            words = gettext("“%(name)s” has too many pixels. Please send it smaller.", name=name)
        case Refusal.NOT_AS_NAMED:
            words = gettext(
                "“%(name)s” is not what its name says. Please send the file itself.", name=name
            )
    return words


def _content(sent: FileStorage) -> bytes:
    # One byte more than is taken: the check then says that it is too large.
    return sent.stream.read(LARGEST_FILE + 1)


def _line(
    names: Names, found: Conversation, said: actions.Said, place: Place, language: Language
) -> Line:
    message = said.message
    author = Author(message.author)
    return Line(
        key=message.id,
        number=message.number,
        mine=_is_mine(author, place.side),
        kind=_KINDS[author],
        who=_who(names, found, author, message.person, place.side),
        words=actions.words_of(message, language),
        at=message.at,
        files=[_file(each, place) for each in said.files],
        read=said.read,
    )


_KINDS = {
    Author.VISITOR: "visitor",
    Author.BOT: "bot",
    Author.HOST: "person",
    Author.RECEPTION: "person",
    Author.SYSTEM: "system",
}


def _is_mine(author: Author, side: Side) -> bool:
    """Tell whether a message stands on the reader's side: for the house, whoever of it spoke."""
    return author is not Author.SYSTEM and (author is Author.VISITOR) == (side is Side.VISITOR)


def _who(
    names: Names, found: Conversation, author: Author, person: PersonId | None, side: Side
) -> str:
    match author:
        case Author.VISITOR:
            return gettext("You") if side is Side.VISITOR else name_of(found)
        case Author.BOT:
            return gettext("Automatic answer")
        case Author.HOST:
            return names.person(person) or gettext("Host")
        case Author.RECEPTION:
            return gettext("Reception")
        case Author.SYSTEM:
            return ""


def _file(found: Attachment, place: Place) -> FileLine:
    return FileLine(
        name=found.name,
        url=f"{place.url}/files/{found.id}",
        is_picture=found.media_type.startswith("image/"),
        width=found.width,
        height=found.height,
        size=_size(found.size),
    )


def _size(size: int) -> str:
    kilo = 1024
    if size < kilo * kilo:
        return f"{max(1, round(size / kilo))} KB"
    return f"{size / kilo / kilo:.1f} MB"


def _state_words(found: Conversation, side: Side) -> str:
    match found.state:
        case State.BOT:
            return gettext("Answered automatically")
        case State.HOST if side is Side.VISITOR:
            return (
                gettext("Your host answers")
                if found.waiting_since is None
                else gettext("Your host has been told")
            )
        case State.RECEPTION if side is Side.VISITOR:
            return (
                gettext("Reception answers")
                if found.waiting_since is None
                else gettext("Reception has been told")
            )
        case State.HOST:
            return gettext("The host answers")
        case State.RECEPTION:
            return gettext("Reception answers")
        case State.CLOSED:
            return gettext("Closed")


def _buttons(work: Work, found: Conversation) -> list[tuple[str, str]]:
    """Return the questions to press on while the bot answers: id and words."""
    if found.state not in {State.BOT, State.CLOSED}:
        return []
    offered = [
        (each.id, actions.in_language(each.asked, Language(current())))
        for each in actions.buttons(work, found.site)
    ]
    return [(question, ways[0]) for question, ways in offered if ways]
