"""Whatever the order of saying, handing over, reading and closing: the thread stays whole and the bot in its place."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from access_protocol.wording import Language
from server.conversations import actions as chats
from server.conversations import models
from server.conversations.actions import Author, Side, State
from server.conversations.models import Conversation, Message
from server.kernel.errors import TooMany
from server.kernel.ids import ConversationId, VisitorId
from server.kernel.principal import Principal
from server.kernel.work import Work
from tests.fakes.chatting import list_questions
from tests.fakes.reception import SYSTEM, Reception, open_reception
from tests.services.template import SqliteTemplate

Step = tuple[str, int]
STEPS = (
    "asks",
    "wonders",
    "repeats",
    "wants a person",
    "host says",
    "reception says",
    "host passes on",
    "reception passes on",
    "host gives back",
    "host closes",
    "time passes",
    "visitor reads",
    "host reads",
    "reception reads",
)


class Scene:
    """One conversation, begun anew for each order of steps."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        list_questions(reception)
        self.visitor: VisitorId = reception.guests_of(reception.invite())[0].id
        self.as_visitor = Principal.for_visitor(self.visitor)

    def begin(self) -> ConversationId:
        with self.reception.office.begin(SYSTEM) as work:
            chats.forget_visitor(work, self.visitor)
        with self.reception.office.begin(self.as_visitor) as work:
            return chats.open_for_visitor(work, self.visitor, Language.EN).id

    def take(self, step: Step, found: ConversationId) -> None:
        name, number = step
        who, do = self._meant(name, number, found)
        self.reception.clock.advance(timedelta(seconds=20))
        with self.reception.office.begin(who) as work:
            do(work)

    def seen(self, found: ConversationId) -> tuple[Conversation, list[Message]]:
        with Session(self.reception.office.engine) as session:
            return session.get_one(Conversation, found), models.messages(session, found, 10_000)

    def _meant(
        self, name: str, number: int, found: ConversationId
    ) -> tuple[Principal, Callable[[Work], object]]:
        host, guard = self.reception.as_("host"), self.reception.as_("security")

        def say(author: Author, text: str, key: str = "") -> Callable[[Work], object]:
            return lambda work: chats.say(work, found, text, author=author, key=key)

        def read(side: Side) -> Callable[[Work], object]:
            return lambda work: chats.mark_read(work, found, side, number)

        steps: dict[str, tuple[Principal, Callable[[Work], object]]] = {
            "asks": (self.as_visitor, say(Author.VISITOR, "wifi password")),
            "wonders": (self.as_visitor, say(Author.VISITOR, "My luggage was stolen")),
            "repeats": (self.as_visitor, say(Author.VISITOR, "Once", f"key-{number % 3}")),
            "wants a person": (self.as_visitor, lambda work: chats.ask_person(work, found)),
            "host says": (host, say(Author.HOST, "Here I am", f"host-{number % 3}")),
            "reception says": (guard, say(Author.RECEPTION, "We are here")),
            "host passes on": (host, lambda work: chats.hand_over(work, found, State.RECEPTION)),
            "reception passes on": (guard, lambda work: chats.hand_over(work, found, State.HOST)),
            "host gives back": (host, lambda work: chats.give_back(work, found)),
            "host closes": (host, lambda work: chats.close(work, found)),
            "time passes": (SYSTEM, self._wait),
            "visitor reads": (self.as_visitor, read(Side.VISITOR)),
            "host reads": (host, read(Side.HOST)),
            "reception reads": (guard, read(Side.RECEPTION)),
        }
        return steps[name]

    def _wait(self, work: Work) -> None:
        work.now += timedelta(minutes=5)
        chats.pass_on_overdue(work)


@pytest.fixture
def scene(tmp_path: Path, sqlite_template: SqliteTemplate) -> Iterator[Scene]:
    url = sqlite_template.copy(tmp_path / "genkan.sqlite3")
    reception = open_reception(url, tmp_path)
    with closing(reception.office):
        yield Scene(reception)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(-2, 40)), max_size=14))
def test_the_thread_stays_whole_whatever_the_order(scene: Scene, steps: list[Step]) -> None:
    found = scene.begin()
    before, said = scene.seen(found)
    for step in steps:
        try:
            scene.take(step, found)
        except TooMany:
            continue
        after, now = scene.seen(found)
        # Every message once, in order, and none is changed or lost.
        assert [each.number for each in now] == list(range(1, after.last_number + 1))
        assert [each.id for each in now[: len(said)]] == [each.id for each in said]
        keys = [each.key for each in now if each.key]
        assert len(keys) == len(set(keys))
        # The bot speaks only where nobody has taken over.
        if any(each.author is Author.BOT for each in now[len(said) :]):
            assert before.state in {State.BOT, State.CLOSED}
        if any(each.author in {Author.HOST, Author.RECEPTION} for each in now[len(said) :]):
            assert after.state in {State.HOST, State.RECEPTION}
        # Read marks go forward only, and never beyond what was said.
        for mark in ("visitor_read", "host_read", "reception_read"):
            assert getattr(before, mark) <= getattr(after, mark) <= after.last_number
        # Somebody is waited for only where it is a person's turn; the time runs only for a host.
        if after.waiting_since is not None:
            assert after.state in {State.HOST, State.RECEPTION}
        if after.due_at is not None:
            assert after.state is State.HOST
        before, said = after, now
