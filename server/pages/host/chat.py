"""The host's side of the chat: who wrote, what is unread, and the thread with its visitor."""

from datetime import datetime
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.conversations import actions
from server.conversations.actions import Side, State
from server.conversations.models import Conversation
from server.kernel.errors import Invalid
from server.kernel.ids import ConversationId
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages import calls, chat_views
from server.pages import chat as chats
from server.pages.chat_views import Enter
from server.pages.host import blueprint
from server.pages.states import Badge
from server.visits.models import Visit
from server.web.languages import gettext
from server.web.limits import at_most


class ChatLine(NamedTuple):
    """One conversation in the list."""

    id: ConversationId
    name: str
    title: str
    at: datetime
    unread: int
    state: Badge


@blueprint.get("/chat")
def chats_of_mine() -> str:
    """List the conversations in one's visits; asked for by the open page, only the list."""
    with reading() as work:
        template = "chats_now" if chats.is_script() else "chats"
        found = actions.of_host(work)
        return render_template(f"host/{template}.html", chats=[_line(work, each) for each in found])


@blueprint.get("/chat/<conversation>")
def chat(conversation: str) -> Response:
    """Show a conversation; what is shown counts as read."""
    return chat_views.show(_at(conversation))


@blueprint.get("/chat/<conversation>/thread")
def chat_thread(conversation: str) -> Response:
    """Return the messages alone; they count as read where somebody looks at them."""
    return chat_views.thread(_at(conversation))


@blueprint.post("/chat/<conversation>")
@at_most(chats.LARGEST_BODY)
def say_in_chat(conversation: str) -> AnyResponse:
    """Answer, pass it to reception, let the bot answer again, or close it."""
    wanted = request.form.get("do", "")
    if not wanted:
        return chat_views.say(_at(conversation))
    with begin() as work:
        flash(
            _do(work, actions.find(work, ConversationId(conversation), Side.HOST), wanted), "good"
        )
    return redirect(url_for("host.chat", conversation=conversation), 303)


@blueprint.get("/chat/<conversation>/files/<attachment>")
def chat_file(conversation: str, attachment: str) -> Response:
    """Return a file of a conversation in one's visits."""
    return chat_views.file(_at(conversation), attachment)


@blueprint.get("/chat/<conversation>/picture/<version>")
def chat_picture(conversation: str, version: str) -> Response:
    """Return the visitor's own picture."""
    return chat_views.picture(_at(conversation), version)


@blueprint.post("/chat/<conversation>/call")
@at_most(calls.LARGEST_BODY)
def call(conversation: str) -> Response:
    """Ring, answer, hang up, or learn how a call stands; the page's script asks."""
    return chat_views.call(_at(conversation))


def unread_for_me() -> int:
    """Return how many conversations hold something unread."""
    with reading() as work:
        return sum(1 for each in actions.of_host(work) if _waits(work, each))


def _at(conversation: str) -> Enter:
    url = url_for("host.chat", conversation=conversation)
    return chat_views.of_house(conversation, Side.HOST, url, "host/chat.html", _around)


def _around(work: Work, found: Conversation) -> dict[str, object]:
    return {
        "visit": work.session.get_one(Visit, found.visit),
        "may_pass": found.state is not State.RECEPTION,
        "may_give_back": found.state in {State.HOST, State.RECEPTION},
        "may_close": found.state is not State.CLOSED,
        "stands": _badge(found),
    }


def _do(work: Work, found: Conversation, wanted: str) -> str:
    match wanted:
        case "reception":
            actions.hand_over(work, found.id, State.RECEPTION)
            return gettext("Reception goes on from here.")
        case "bot":
            actions.give_back(work, found.id)
            return gettext("The automatic answers are on again.")
        case "close":
            actions.close(work, found.id)
            return gettext("Closed. Your visitor can write again at any time.")
        case _:
            raise Invalid([("do", "must be one of those offered")])


def _line(work: Work, found: Conversation) -> ChatLine:
    visit = work.session.get(Visit, found.visit) if found.visit else None
    return ChatLine(
        id=found.id,
        name=chats.name_of(found),
        title=visit.title if visit else "",
        at=found.last_at,
        unread=actions.unread(work, found, Side.HOST),
        state=_badge(found),
    )


def _waits(work: Work, found: Conversation) -> bool:
    return found.state is State.HOST and actions.unread(work, found, Side.HOST) > 0


def _badge(found: Conversation) -> Badge:
    match found.state:
        case State.BOT:
            return Badge("", "information", gettext("Answered automatically"))
        case State.HOST if found.waiting_since is not None:
            return Badge("waiting", "waiting", gettext("Waits for your answer"))
        case State.HOST:
            return Badge("good", "granted", gettext("You answer"))
        case State.RECEPTION:
            return Badge("", "people", gettext("Reception answers"))
        case State.CLOSED:
            return Badge("", "close", gettext("Closed"))
