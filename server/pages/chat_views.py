"""What every page with a chat does alike: show it, note what was read, say something, hand out files, carry calls.

The page modules say whose chat it is (`Enter`), and what stands around it.
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from flask import Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from server.conversations import actions
from server.conversations.actions import Side
from server.conversations.models import Conversation
from server.kernel.errors import NotFound
from server.kernel.ids import ConversationId
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages import calls, chat_me
from server.pages import chat as chats
from server.pages.chat import Place
from server.web.forms import Form


@dataclass(frozen=True)
class Chat:
    """A chat before one of its sides, while work is under way."""

    work: Work
    place: Place
    found: Conversation | None
    open: Callable[[], Conversation]
    """Returns the conversation, begun where there is none; `NotFound` where it cannot begin so."""
    template: str
    around: Callable[[Conversation], dict[str, object]]
    """Returns what the template shows besides the chat."""
    rings: str = ""
    """Whom a call from here rings; without a name the page has no calls."""
    site_name: str = ""

    def page(self, found: Conversation, form: Form) -> Response:
        """Return the page, or for its script the chat alone."""
        around = self.around(found)
        around["site_name"] = self.site_name
        if self.rings:
            around |= calls.shown(found, self.place, self.rings)
        return chats.page(self.work, found, self.place, form, self.template, **around)

    def thread(self, found: Conversation) -> Response:
        """Return the messages alone."""
        return chats.thread(self.work, found, self.place)


Around = Callable[[Work, Conversation], dict[str, object]]


class Enter(Protocol):
    """Begins work in a chat; raises what refuses whoever may not see it."""

    def __call__(self, *, writes: bool = False) -> AbstractContextManager[Chat]:
        """Return the chat, in work that writes or only reads."""
        ...


def of_house(conversation: str, side: Side, url: str, template: str, around: Around) -> Enter:
    """Return how somebody of the house comes to a conversation, on this side of it."""

    @contextmanager
    def enter(*, writes: bool = False) -> Generator[Chat]:
        with begin() if writes else reading() as work:
            found = actions.find(work, ConversationId(conversation), side)
            yield Chat(
                work,
                Place(side, url, chats.before()),
                found,
                lambda: found,
                template,
                lambda shown: around(work, shown),
                rings=chats.name_of(found) if calls.can_ring(found) else "",
            )

    return enter


def show(enter: Enter) -> Response:
    """Return the page; what is shown counts as read."""
    return _read(enter, lambda chat, found: chat.page(found, Form()))


def thread(enter: Enter) -> Response:
    """Return the messages alone; they count as read where somebody looks at them."""
    return _read(enter, Chat.thread)


def say(enter: Enter) -> AnyResponse:
    """Say what was sent; refused, it stands in the form again."""
    with enter() as chat:
        # Before any file is looked into: whether they may.
        whose = [chat.found.id] if chat.found else []
    form = Form.sent()
    files = chats.sent_files(form, whose)
    with enter(writes=True) as chat:
        found = chat.open()
        if not form.has_errors:
            chats.say(chat.work, found, chat.place.side, form, files)
        if chats.is_script() or form.has_errors:
            return chat.page(found, chats.left(form))
    return redirect(chat.place.url, 303)


def file(enter: Enter, attachment: str) -> Response:
    """Return a file of the chat."""
    with enter() as chat:
        return chats.file_answer(chat.work, chat.found, attachment)


def picture(enter: Enter, version: str) -> Response:
    """Return the picture that the visitor sent of themselves; its address changes with it."""
    del version
    with enter() as chat:
        return chats.picture_answer(chat.work, chat.found)


def me(enter: Enter) -> Response:
    """Ask a visitor what they want to be called, and with which picture."""
    with enter(writes=True) as chat:
        return chat_me.page(chat.open(), chat.place, site_name=chat.site_name)


def change_me(enter: Enter) -> AnyResponse:
    """Take it; refused, it stands in the form again."""
    with enter() as chat:
        # Before any picture is looked into: whether they may.
        whose = [chat.found.id] if chat.found else []
    form, portrait = chat_me.sent(whose)
    with enter(writes=True) as chat:
        found = chat.open()
        if not form.has_errors:
            chat_me.take(chat.work, found, form, portrait)
        if form.has_errors:
            return chat_me.page(found, chat.place, form, site_name=chat.site_name)
    return redirect(chat.place.url, 303)


def call(enter: Enter) -> Response:
    """Ring, answer, hang up, or learn how a call stands; the page's script asks."""
    wanted = calls.read()
    looks = wanted.do == "look"
    with enter(writes=not looks) as chat:
        if chat.found is None:
            raise NotFound("There is no such conversation.")
        do = calls.looked if looks else calls.done
        return do(chat.work, chat.found.id, chat.place, wanted)


def _read(enter: Enter, answer: Callable[[Chat, Conversation], Response]) -> Response:
    with enter() as chat:
        found, side = chat.found, chat.place.side
        if found is not None and not (chats.looked_at() and chats.is_unread(found, side)):
            return answer(chat, found)
    with enter(writes=True) as chat:
        found = chat.open()
        actions.mark_read(chat.work, found.id, side, found.last_number)
        return answer(chat, found)
