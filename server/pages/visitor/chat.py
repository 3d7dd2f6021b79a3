"""The visitor's side of the chat: the section with what is unread, the page, and what they want to be called."""

from collections.abc import Generator
from contextlib import contextmanager

from flask import Response, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.conversations import actions, models
from server.conversations.actions import Side
from server.kernel.request import office
from server.pages import calls, chat_views
from server.pages import chat as chats
from server.pages.chat import Place
from server.pages.chat_views import Chat, Enter
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.web.languages import current
from server.web.limits import at_most, limited


def section(now: Visiting) -> Shown | None:
    """Return the way to the chat, and how much there is unread."""
    if now.is_off:
        return None
    found = models.of_visitor(now.work.session, now.visitor.id)
    return Shown(
        {
            "url": url_for("visitor.chat", token=now.token),
            "host": now.names.person(now.visit.host),
            "unread": actions.unread(now.work, found, Side.VISITOR) if found else 0,
        }
    )


@blueprint.get("/<token>/chat")
@limited("240 per minute")
def chat(token: str) -> Response:
    """Show the chat; what is shown counts as read."""
    return chat_views.show(_at(token))


@blueprint.get("/<token>/chat/thread")
@limited("600 per minute")
def chat_thread(token: str) -> Response:
    """Return the messages alone; they count as read where somebody looks at them."""
    return chat_views.thread(_at(token))


@blueprint.post("/<token>/chat")
@limited("40 per minute; 600 per hour")
@at_most(chats.LARGEST_BODY)
def say_in_chat(token: str) -> AnyResponse:
    """Say something, press a question, or ask for a person."""
    return chat_views.say(_at(token))


@blueprint.get("/<token>/chat/files/<attachment>")
@limited("240 per minute")
def chat_file(token: str, attachment: str) -> Response:
    """Return a file of this chat, to its visitor."""
    return chat_views.file(_at(token), attachment)


@blueprint.get("/<token>/chat/picture/<version>")
@limited("240 per minute")
def chat_picture(token: str, version: str) -> Response:
    """Return the picture that the visitor sent of themselves."""
    return chat_views.picture(_at(token), version)


@blueprint.get("/<token>/chat/me")
@limited("120 per minute")
def chat_me_page(token: str) -> Response:
    """Ask what somebody wants to be called, and with which picture."""
    return chat_views.me(_at(token))


@blueprint.post("/<token>/chat/me")
@limited("20 per minute; 100 per hour")
@at_most(chats.LARGEST_BODY)
def change_chat_me(token: str) -> AnyResponse:
    """Take it."""
    return chat_views.change_me(_at(token))


@blueprint.post("/<token>/chat/call")
@limited("600 per minute")
@at_most(calls.LARGEST_BODY)
def call(token: str) -> Response:
    """Ring, answer, hang up, or learn how a call stands; the page's script asks."""
    return chat_views.call(_at(token))


def _at(token: str) -> Enter:
    @contextmanager
    def enter(*, writes: bool = False) -> Generator[Chat]:
        with visiting(token, writes=writes) as now:
            visitor = now.visitor.id
            yield Chat(
                now.work,
                Place(Side.VISITOR, url_for("visitor.chat", token=token), chats.before()),
                models.of_visitor(now.work.session, visitor),
                lambda: actions.open_for_visitor(now.work, visitor, Language(current())),
                "visitor/chat.html",
                lambda _: _around(now),
                rings="" if now.is_off else now.names.person(now.visit.host),
                site_name=now.names.site(now.visit.site),
            )

    return enter


def _around(now: Visiting) -> dict[str, object]:
    live = str(office().settings.live_url).rstrip("/")
    return {
        "back_url": url_for("visitor.visit", token=now.token),
        "me_url": url_for("visitor.chat_me_page", token=now.token),
        "stream": f"{live}/live/visitor/{now.token}",
    }
