"""Whose turn it is: the bot hands over to the host, the host to reception, and a person gives back or closes."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from access_protocol.ids import SiteCode
from server.conversations import models, thread
from server.conversations.events import AnswerWanted, ConversationClosed, HandedOver
from server.conversations.finding import hold, sides
from server.conversations.models import Conversation
from server.conversations.rules import Author, Note, Side, State
from server.kernel.errors import Conflict, NotFound
from server.kernel.ids import ConversationId, PersonId
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.people import models as people
from server.people.models import Person
from server.places.models import Site
from server.visits.models import Visit, VisitState


class PolicyInput(BaseModel):
    """How a site answers."""

    model_config = ConfigDict(extra="forbid")

    host_reacts_within_min: int = Field(ge=1, le=120)
    """Minutes after which reception takes over from a host who has not answered."""


def ask_person(work: Work, conversation_id: ConversationId) -> Conversation:
    """Hand a conversation from the bot to a person at once: the visitor asks for one."""
    found = hold(work, conversation_id, Side.VISITOR)
    if found.state in {State.HOST, State.RECEPTION}:
        return found
    to_person(work, found)
    return found


def hand_over(work: Work, conversation_id: ConversationId, to: State) -> Conversation:
    """Pass a conversation to the host or to reception; whoever stands on either side of the house may."""
    found = _held_by_house(work, conversation_id)
    if to not in {State.HOST, State.RECEPTION}:
        raise Conflict("A conversation is passed to the host or to reception.")
    if to is State.HOST and _host_of(work, found) is None:
        raise Conflict("There is no host to pass this to.")
    if found.state is not to:
        note = Note.PASSED_TO_HOST if to is State.HOST else Note.PASSED_TO_RECEPTION
        turn(work, found, to, note)
    return found


def give_back(work: Work, conversation_id: ConversationId) -> Conversation:
    """Let the bot answer again."""
    found = _held_by_house(work, conversation_id)
    if found.state is not State.BOT:
        turn(work, found, State.BOT, Note.GIVEN_BACK)
    return found


def close(work: Work, conversation_id: ConversationId) -> Conversation:
    """Note that nothing waits any more; the visitor's next words open it again."""
    found = _held_by_house(work, conversation_id)
    if found.state is State.CLOSED:
        return found
    found.state, found.due_at, found.waiting_since = State.CLOSED, None, None
    thread.add(work, found, Author.SYSTEM, note=Note.CLOSED)
    work.record(ConversationClosed(conversation=found.id, site=found.site))
    return found


def pass_on_overdue(work: Work) -> None:
    """Hand to reception what a host did not answer in time; a timer calls it."""
    for found in models.overdue(work.session, work.now):
        turn(work, found, State.RECEPTION, Note.HOST_SILENT)


def to_person(work: Work, found: Conversation) -> None:
    """Hand a held conversation to the host, or to reception where the host cannot be reached now."""
    host = _host_of(work, found)
    if host is None:
        turn(work, found, State.RECEPTION, Note.ASKED_RECEPTION)
    elif notifications.is_quiet(work, host.id):
        turn(work, found, State.RECEPTION, Note.HOST_AWAY)
    else:
        turn(work, found, State.HOST, Note.ASKED_HOST)


def turn(work: Work, found: Conversation, to: State, note: Note) -> None:
    """Change whose turn it is in a held conversation, and say so in the thread."""
    before = found.state
    found.state = to
    waits = to in {State.HOST, State.RECEPTION}
    found.waiting_since = (found.waiting_since or work.now) if waits else None
    found.due_at = due(work, found) if to is State.HOST else None
    thread.add(work, found, Author.SYSTEM, note=note)
    work.record(
        HandedOver(
            conversation=found.id,
            site=found.site,
            visit=found.visit,
            visitor=found.visitor,
            before=before,
            to=to,
        )
    )
    if waits:
        want_answer(work, found)


def due(work: Work, found: Conversation) -> datetime:
    """Return when reception takes over from a host who does not answer."""
    minutes = models.policy_of(work.session, found.site).host_reacts_within_min
    return work.now + timedelta(minutes=minutes)


def change_policy(work: Work, site: SiteCode, wanted: PolicyInput) -> None:
    """Decide how long a host has at a site; who waits already waits as it was."""
    require(work.principal, Right.PLACES_MANAGE, site)
    if work.session.get(Site, site) is None:
        raise NotFound("There is no such site.")
    found = models.policy_of(work.session, site)
    found.host_reacts_within_min = wanted.host_reacts_within_min
    work.session.add(found)
    work.session.flush()


def want_answer(work: Work, found: Conversation) -> None:
    """Record that a person is wanted now."""
    work.record(
        AnswerWanted(
            conversation=found.id,
            site=found.site,
            visit=found.visit,
            visitor=found.visitor,
            of=found.state,
            number=found.last_number,
        )
    )


def follow_host(work: Work, person: PersonId, successor: PersonId) -> None:
    """Let a successor stand where a person stood who leaves; visits bring the conversations with them. For reactions.

    Who said what stays as it was, and so does what is closed.
    """
    _leave_to(work, person, successor)


def leave_free(work: Work, person: PersonId) -> None:
    """Let no conversation wait for somebody who is no longer there: anybody may take it. For reactions."""
    _leave_to(work, person, None)


def _leave_to(work: Work, person: PersonId, successor: PersonId | None) -> None:
    for found in models.with_person(work.session, person):
        found.person = successor
        work.session.add(found)
        thread.show(work, found)


def _held_by_house(work: Work, conversation_id: ConversationId) -> Conversation:
    found = hold(work, conversation_id)
    if not sides(work, found) & {Side.HOST, Side.RECEPTION}:
        raise NotFound("There is no such conversation.")
    return found


def _host_of(work: Work, found: Conversation) -> Person | None:
    """Return who receives the visitor, or stands in; None where nobody does."""
    visit = work.session.get(Visit, found.visit) if found.visit else None
    if visit is None or visit.state in {VisitState.CANCELLED, VisitState.DECLINED}:
        return None
    host = work.session.get(Person, visit.host)
    if host is not None and host.active:
        return host
    return people.deputy_of(work.session, visit.host)
