"""Beginning a conversation: for a visitor with their visit, or for a phone without any."""

import hashlib

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.conversations import models, store, thread
from server.conversations.finding import find, hold
from server.conversations.models import Conversation
from server.conversations.rules import AVATARS, BEGUN_WITHIN, MOST_BEGUN, Author, Note, Side
from server.kernel.errors import Invalid, TooMany
from server.kernel.ids import ContactPointId, ConversationId, VisitorId
from server.kernel.work import Work
from server.visits.models import Visit, Visitor


def identity(secret: str) -> str:
    """Return the id of whoever has this secret (a phone's cookie, a mail address): it tells nothing of them."""
    return hashlib.sha256(secret.encode()).hexdigest()


def open_for_visitor(work: Work, visitor_id: VisitorId, language: Language) -> Conversation:
    """Return the visitor's conversation, begun with a greeting where there is none yet."""
    found = models.of_visitor(work.session, visitor_id)
    if found is not None:
        return _speaking(work, find(work, found.id), language)
    visitor = work.session.get_one(Visitor, visitor_id)
    visit = work.session.get_one(Visit, visitor.visit)
    return _begun(
        work,
        Conversation(
            id=ConversationId(work.ids.new()),
            site=visit.site,
            visit=visit.id,
            visitor=visitor.id,
            language=language,
            nickname=visitor.name,
            started_at=work.now,
            last_at=work.now,
        ),
    )


def open_for_stranger(
    work: Work,
    site: SiteCode,
    stranger: str,
    language: Language,
    contact_point: ContactPointId | None = None,
) -> Conversation:
    """Return the conversation of who has no visit, begun where there is none; `stranger` is from `identity`."""
    found = models.of_stranger(work.session, stranger, site)
    if found is not None:
        return _speaking(work, find(work, found.id), language)
    if models.begun_by_strangers(work.session, site, work.now - BEGUN_WITHIN) >= MOST_BEGUN:
        raise TooMany(
            "Many people write to us at the moment. Please try again in a few minutes.",
            BEGUN_WITHIN / 2,
        )
    return _begun(
        work,
        Conversation(
            id=ConversationId(work.ids.new()),
            site=site,
            stranger=stranger,
            contact_point=contact_point,
            language=language,
            started_at=work.now,
            last_at=work.now,
        ),
    )


def call_oneself(
    work: Work,
    conversation_id: ConversationId,
    nickname: str,
    avatar: str = "",
    portrait: bytes = b"",
) -> Conversation:
    """Take the nickname and picture that somebody wants to be seen with; `portrait` is from `checked_portrait`.

    A portrait goes before an avatar; with neither, the one before is forgotten.
    """
    found = hold(work, conversation_id, Side.VISITOR)
    if avatar and avatar not in AVATARS:
        raise Invalid([("avatar", "must be one of those offered")])
    found.nickname = nickname
    found.avatar = "" if portrait else avatar
    thread.drop_files(work, [found.picture] if found.picture else [])
    found.picture = ""
    if portrait:
        found.picture = work.ids.random_bytes(16).hex()
        store.put(work.settings.data_folder, found.picture, portrait)
    thread.show(work, found)
    return found


def _speaking(work: Work, found: Conversation, language: Language) -> Conversation:
    if found.language is not language and Language(found.language) is not language:
        found = hold(work, found.id)
        found.language = language
    return found


def _begun(work: Work, made: Conversation) -> Conversation:
    work.session.add(made)
    work.session.flush()
    thread.add(work, made, Author.BOT, note=Note.GREETING)
    return made
