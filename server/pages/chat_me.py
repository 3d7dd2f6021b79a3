"""What somebody wants to be called in a chat, and with which picture: for visitors, and for those without a visit."""

from collections.abc import Iterable

from flask import Response, render_template, request
from pydantic import TypeAdapter, ValidationError

from server.conversations import actions
from server.conversations.actions import AVATARS, LARGEST_FILE, LONGEST_NICKNAME, Nickname
from server.conversations.models import Conversation
from server.kernel.errors import GenkanError, Invalid
from server.kernel.work import Work
from server.pages.chat import FILES_LOOKED_INTO, Place, picture_url
from server.web.forms import Form
from server.web.languages import gettext
from server.web.limits import heed

_NICKNAME = TypeAdapter[str](Nickname)
_FIELDS = ("nickname", "avatar", "picture")


def page(
    found: Conversation, place: Place, form: Form | None = None, *, site_name: str
) -> Response:
    """Return the page that asks for it."""
    shown = form or Form({"nickname": found.nickname, "avatar": found.avatar})
    text = render_template(
        "chat_me.html",
        form=shown,
        avatars=avatars(),
        picture=picture_url(found, place),
        chat_url=place.url,
        site_name=site_name,
    )
    return Response(text, Invalid.status if shown.has_errors else 200, mimetype="text/html")


def sent(whose: Iterable[str] = ()) -> tuple[Form, bytes]:
    """Return the form, and the picture as it may be kept; nothing where none was sent.

    Looking into it is counted for this address, and for the conversations of `whose` visitor it is.
    """
    form = Form.sent()
    try:
        form.values["nickname"] = _NICKNAME.validate_python(form.value("nickname"))
    except ValidationError:
        form.refuse(
            "nickname", gettext("Please use at most %(most)d characters.", most=LONGEST_NICKNAME)
        )
    upload = request.files.get("picture")
    if upload is None or not upload.filename:
        return form, b""
    try:
        heed(FILES_LOOKED_INTO, "files", *whose)
        return form, actions.checked_portrait(upload.stream.read(LARGEST_FILE + 1))
    except GenkanError as error:
        form.take(error, _FIELDS)
        return form, b""


def take(work: Work, found: Conversation, form: Form, portrait: bytes) -> None:
    """Keep it; what is refused stands in the form then."""
    try:
        actions.call_oneself(work, found.id, form.value("nickname"), form.value("avatar"), portrait)
    except GenkanError as error:
        form.take(error, _FIELDS)


def avatars() -> list[tuple[str, str]]:
    """Return the drawn pictures with their names."""
    words = {
        "mountain": gettext("Mountain"),
        "leaf": gettext("Leaf"),
        "wave": gettext("Wave"),
        "fish": gettext("Fish"),
        "bird": gettext("Bird"),
        "lantern": gettext("Lantern"),
        "cup": gettext("Cup"),
        "moon": gettext("Moon"),
    }
    return [(each, words[each]) for each in AVATARS]
