"""The visitor's side of the chat: the section with what is unread, the page, and what they want to be called."""

from flask import Response, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.conversations import actions, models
from server.conversations.actions import Side
from server.conversations.models import Conversation
from server.kernel.errors import NotFound
from server.kernel.request import office
from server.pages import calls, chat_me
from server.pages import chat as chats
from server.pages.chat import Place
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.web.forms import Form
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
    with visiting(token) as now:
        found = models.of_visitor(now.work.session, now.visitor.id)
        if found is not None and not chats.is_unread(found, Side.VISITOR):
            return _page(now, found, Form.sent())
    with visiting(token, writes=True) as now:
        found = _open(now)
        actions.mark_read(now.work, found.id, Side.VISITOR, found.last_number)
        return _page(now, found, Form.sent())


@blueprint.get("/<token>/chat/thread")
@limited("600 per minute")
def chat_thread(token: str) -> Response:
    """Return the messages alone; they count as read where somebody looks at them."""
    with visiting(token) as now:
        found = models.of_visitor(now.work.session, now.visitor.id)
        seen = chats.looked_at() and (found is None or chats.is_unread(found, Side.VISITOR))
        if found is not None and not seen:
            return chats.thread(now.work, found, _place(now.token))
    with visiting(token, writes=True) as now:
        found = _open(now)
        actions.mark_read(now.work, found.id, Side.VISITOR, found.last_number)
        return chats.thread(now.work, found, _place(now.token))


@blueprint.post("/<token>/chat")
@limited("40 per minute; 600 per hour")
@at_most(chats.LARGEST_BODY)
def say_in_chat(token: str) -> AnyResponse:
    """Say something, press a question, or ask for a person."""
    with visiting(token) as now:
        # Before any file is looked into: who sends it.
        del now
    form = Form.sent()
    files = chats.sent_files(form)
    with visiting(token, writes=True) as now:
        found = _open(now)
        if not form.has_errors:
            chats.say_as_visitor(now.work, found, form, files)
        if chats.is_script() or form.has_errors:
            return _page(now, found, chats.left(form))
    return redirect(url_for("visitor.chat", token=token), 303)


@blueprint.get("/<token>/chat/files/<attachment>")
@limited("240 per minute")
def chat_file(token: str, attachment: str) -> Response:
    """Return a file of this chat, to its visitor."""
    with visiting(token) as now:
        found = models.of_visitor(now.work.session, now.visitor.id)
        return chats.file_answer(now.work, found, attachment)


@blueprint.get("/<token>/chat/picture/<version>")
@limited("240 per minute")
def chat_picture(token: str, version: str) -> Response:
    """Return the picture that the visitor sent of themselves; its address changes with it."""
    del version
    with visiting(token) as now:
        found = models.of_visitor(now.work.session, now.visitor.id)
        return chats.picture_answer(now.work, found)


@blueprint.get("/<token>/chat/me")
@limited("120 per minute")
def chat_me_page(token: str) -> Response:
    """Ask what somebody wants to be called, and with which picture."""
    with visiting(token, writes=True) as now:
        return chat_me.page(_open(now), _place(token), site_name=now.names.site(now.visit.site))


@blueprint.post("/<token>/chat/me")
@limited("20 per minute; 100 per hour")
@at_most(chats.LARGEST_BODY)
def change_chat_me(token: str) -> AnyResponse:
    """Take it."""
    with visiting(token) as now:
        del now
    form, portrait = chat_me.sent()
    with visiting(token, writes=True) as now:
        found = _open(now)
        if not form.has_errors:
            chat_me.take(now.work, found, form, portrait)
        if form.has_errors:
            name = now.names.site(now.visit.site)
            return chat_me.page(found, _place(token), form, site_name=name)
    return redirect(url_for("visitor.chat", token=token), 303)


@blueprint.post("/<token>/chat/call")
@limited("600 per minute")
@at_most(calls.LARGEST_BODY)
def call(token: str) -> Response:
    """Ring, answer, hang up, or learn how a call stands; the page's script asks."""
    wanted = calls.read()
    looks = wanted.do == "look"
    with visiting(token, writes=not looks) as now:
        found = models.of_visitor(now.work.session, now.visitor.id)
        if found is None:
            raise NotFound("There is no such conversation.")
        do = calls.looked if looks else calls.done
        return do(now.work, found.id, _place(token), wanted)


def _open(now: Visiting) -> Conversation:
    return actions.open_for_visitor(now.work, now.visitor.id, Language(current()))


def _place(token: str) -> Place:
    return Place(Side.VISITOR, url_for("visitor.chat", token=token), chats.before())


def _page(now: Visiting, found: Conversation, form: Form) -> Response:
    live = f"{str(office().settings.live_url).rstrip('/')}/live/visitor/{now.token}"
    place, host = _place(now.token), now.names.person(now.visit.host)
    return chats.page(
        now.work,
        found,
        place,
        form,
        "visitor/chat.html",
        back_url=url_for("visitor.visit", token=now.token),
        me_url=url_for("visitor.chat_me_page", token=now.token),
        stream=live,
        site_name=now.names.site(now.visit.site),
        host=host,
        **({} if now.is_off else calls.shown(found, place, host)),
    )
