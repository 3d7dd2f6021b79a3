"""The timeline's part of what was said: messages of every channel, and the files in them."""

from collections.abc import Iterator

from server.conversations import models
from server.conversations.actions import Author, Channel
from server.conversations.models import Attachment, Conversation, Message
from server.pages.states import Badge
from server.pages.timeline.entry import Entry, Kind, Told
from server.web.languages import gettext

MOST = 200
"""Messages of one conversation; the chat itself has all of them."""


def messages(told: Told) -> Iterator[Entry]:
    """Tell what visitors, bot and house said to each other."""
    for found in models.of_visits(told.work.session, [told.visit.id]):
        if found.visitor in told.called:
            yield from _said(told, found)


def _said(told: Told, found: Conversation) -> Iterator[Entry]:
    files = models.attachments_of(told.work.session, found.id)
    for each in models.messages(told.work.session, found.id, MOST):
        if each.author is Author.SYSTEM or (each.author is Author.BOT and each.note):
            continue
        yield Entry(
            Kind.MESSAGE,
            each.id,
            each.at,
            _badge(told, each),
            found.visitor,
            _words(each, files.get(each.id, [])),
            _who(told, each),
        )


def _badge(told: Told, said: Message) -> Badge:
    if said.author is not Author.VISITOR:
        to = gettext("Message to you") if told.to_visitor else gettext("Message to the visitor")
        return Badge("", "message", to)
    ways = {
        Channel.PAGE: gettext("Message"),
        Channel.LINE: gettext("Message by LINE"),
        Channel.WECOM: gettext("Message by WeChat"),
        Channel.MAIL: gettext("Message by mail"),
    }
    return Badge("", "message", ways[said.channel])


def _words(said: Message, files: list[Attachment]) -> str:
    return "\n".join(part for part in (said.text, ", ".join(each.name for each in files)) if part)


def _who(told: Told, said: Message) -> str:
    match said.author:
        case Author.BOT:
            return gettext("Automatic answer")
        case Author.HOST:
            return told.names.person(said.person) or gettext("Host")
        case Author.RECEPTION:
            return told.staff(told.names.person(said.person)) or gettext("Reception")
        case _:
            return ""
