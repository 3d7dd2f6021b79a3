"""Who may see a conversation, and on which side of it they stand."""

from access_protocol.ids import SiteCode
from server.conversations import models
from server.conversations.models import Conversation
from server.conversations.rules import Author, Side
from server.kernel.errors import NotFound, SignInNeeded
from server.kernel.ids import ConversationId
from server.kernel.principal import Kind, Principal, Right, require
from server.kernel.work import Work
from server.visits import actions as visits
from server.visits.models import Visit

MOST_LISTED = 200
_SIDE_OF_AUTHOR = {
    Author.VISITOR: Side.VISITOR,
    Author.HOST: Side.HOST,
    Author.RECEPTION: Side.RECEPTION,
}


def stranger(identity: str) -> Principal:
    """Return the caller who writes from a phone without any visit; `identity` is the hash of its cookie."""
    return Principal(Kind.VISITOR, identity)


def sides(work: Work, found: Conversation) -> frozenset[Side]:
    """Return on which sides of a conversation the caller stands; none: it is not theirs to know of."""
    who = work.principal
    if who.kind is Kind.SYSTEM:
        return frozenset(Side)
    if who.kind is Kind.VISITOR:
        own = who.id in {found.visitor, found.stranger}
        return frozenset({Side.VISITOR}) if own else frozenset()
    standing: set[Side] = set()
    visit = work.session.get(Visit, found.visit) if found.visit else None
    if visit is not None and visits.receives(work, visit):
        standing.add(Side.HOST)
    if who.may(Right.CONVERSATIONS_ANSWER, found.site):
        standing.add(Side.RECEPTION)
    return frozenset(standing)


def find(work: Work, conversation_id: ConversationId, side: Side | None = None) -> Conversation:
    """Return a conversation that the caller may see, on this side where one is named."""
    return _allowed(work, work.session.get(Conversation, conversation_id), side)


def hold(work: Work, conversation_id: ConversationId, side: Side | None = None) -> Conversation:
    """Return the same, locked until the end of the work: messages are numbered one after the other."""
    found = work.session.get(
        Conversation, conversation_id, with_for_update=True, populate_existing=True
    )
    return _allowed(work, found, side)


def side_for(author: Author) -> Side:
    """Return the side on which who speaks so must stand."""
    if author not in _SIDE_OF_AUTHOR:
        raise ValueError(f"nobody speaks as {author}")
    return _SIDE_OF_AUTHOR[author]


def of_host(work: Work) -> list[Conversation]:
    """Return the conversations of the caller's visits, newest words first."""
    require(work.principal, Right.VISITS_INVITE)
    person = work.principal.person
    if person is None:
        raise SignInNeeded("Sign in to see your conversations.")
    return list(models.of_host(work.session, person, MOST_LISTED))


def of_reception(work: Work, site: SiteCode | None = None) -> None:
    """Check that the caller may see every conversation of a site; `models` then lists them."""
    require(work.principal, Right.CONVERSATIONS_ANSWER, site)


def _allowed(work: Work, found: Conversation | None, side: Side | None) -> Conversation:
    standing = sides(work, found) if found is not None else frozenset[Side]()
    if found is None or not standing or (side is not None and side not in standing):
        if work.principal.kind is Kind.ANONYMOUS:
            raise SignInNeeded("Sign in, or send an API token, to do this.")
        raise NotFound("There is no such conversation.")
    return found
