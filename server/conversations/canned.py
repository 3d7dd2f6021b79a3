"""What reception does at its inbox: takes a conversation over, and answers with what lies ready."""

import re
from collections.abc import Mapping
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, Field
from sqlmodel import col, func, select

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import handing, thread
from server.conversations.finding import hold
from server.conversations.inbox_models import CannedAnswer, canned_of
from server.conversations.models import Conversation
from server.conversations.reception import inbox_path
from server.conversations.rules import MessageText, Note, Side, State
from server.kernel.errors import Invalid, NotFound
from server.kernel.ids import CannedAnswerId, ConversationId
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.people.models import Person
from server.places.models import Room, Site, name_in
from server.visits.models import Visit, Visitor

MOST_CANNED = 60
PLACES = ("name", "host", "room", "site", "time")
"""What may stand in braces in a ready answer: {name} of the visitor, {host}, {room}, {site} and {time} of it."""
_PLACE = re.compile(r"\{([a-z]+)\}")


def _known_places(text: str) -> str:
    unknown = sorted(set(_PLACE.findall(text)) - set(PLACES))
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is none of {{" + "}, {".join(PLACES) + "}")
    return text


CannedText = Annotated[MessageText, AfterValidator(_known_places)]


class CannedInput(BaseModel):
    """A ready answer as somebody writes it."""

    name: Annotated[Line, Field(min_length=1, max_length=60)]
    texts: dict[Language, CannedText]


def take(work: Work, conversation_id: ConversationId) -> Conversation:
    """Let the caller answer a conversation for reception from now on."""
    found = hold(work, conversation_id, Side.RECEPTION)
    found.person = work.principal.person
    notifications.reacted_at(work, inbox_path(found.id))
    if found.state is not State.RECEPTION:
        handing.turn(work, found, State.RECEPTION, Note.PASSED_TO_RECEPTION)
    thread.show(work, found)
    return found


def put_canned(
    work: Work, site: SiteCode, wanted: CannedInput, canned_id: CannedAnswerId | None = None
) -> CannedAnswer:
    """Add a ready answer, or change one."""
    require(work.principal, Right.CONVERSATIONS_ANSWER, site)
    texts = {language.value: text for language, text in wanted.texts.items() if text}
    if not texts:
        raise Invalid([("text-en", "Please write the answer in one language at least.")])
    found = _canned(work, site, canned_id) if canned_id else None
    if found is None:
        if len(canned_of(work.session, site)) >= MOST_CANNED:
            raise Invalid([("name", f"There are {MOST_CANNED} ready answers already.")])
        last = select(func.max(col(CannedAnswer.position))).where(CannedAnswer.site == site)
        found = CannedAnswer(
            id=CannedAnswerId(work.ids.new()),
            site=site,
            position=(work.session.exec(last).one() or 0) + 1,
            name="",
            texts={},
            changed_at=work.now,
        )
    found.name, found.texts = wanted.name, texts
    found.changed_at, found.changed_by = work.now, work.principal.person
    work.session.add(found)
    work.session.flush()
    return found


def remove_canned(work: Work, site: SiteCode, canned_id: CannedAnswerId) -> None:
    """Remove a ready answer."""
    require(work.principal, Right.CONVERSATIONS_ANSWER, site)
    work.session.delete(_canned(work, site, canned_id))
    work.session.flush()


def filled(work: Work, found: Conversation, canned: CannedAnswer) -> str:
    """Return a ready answer in the visitor's language, with what belongs into its places."""
    words = canned.texts.get(found.language) or canned.texts.get(Language.EN.value) or ""
    words = words or next(iter(canned.texts.values()), "")
    return _PLACE.sub(lambda place: _values(work, found).get(place[1], ""), words)


def _values(work: Work, found: Conversation) -> Mapping[str, str]:
    language = Language(found.language)
    site = work.session.get_one(Site, found.site)
    visit = work.session.get(Visit, found.visit) if found.visit else None
    visitor = work.session.get(Visitor, found.visitor) if found.visitor else None
    host = work.session.get(Person, visit.host) if visit else None
    room = work.session.get(Room, visit.room) if visit and visit.room else None
    starts = visit.starts_at.astimezone(ZoneInfo(site.time_zone)) if visit else None
    return {
        "name": visitor.name if visitor else found.nickname,
        "host": host.name if host else "",
        "room": name_in(room, language) if room else "",
        "site": name_in(site, language),
        "time": f"{starts:%H:%M}" if starts else "",
    }


def _canned(work: Work, site: SiteCode, canned_id: CannedAnswerId) -> CannedAnswer:
    found = work.session.get(CannedAnswer, canned_id)
    if found is None or found.site != site:
        raise NotFound("There is no such answer.")
    return found
