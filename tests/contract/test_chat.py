"""The chat between visitor, bot, host and reception: who speaks when, who is told, who may see what."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from access_protocol.wording import Language
from server.conversations import actions as chats
from server.conversations import models, store
from server.conversations.actions import Author, Side, State
from server.conversations.models import Attachment, Conversation, Message
from server.conversations.rules import BEGUN_WITHIN, MOST_BEGUN, MOST_OF_STRANGERS
from server.kernel.errors import Conflict, Invalid, NotFound, SignInNeeded, TooMany
from server.kernel.principal import Principal
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import PreferencesInput
from server.notifications.models import Notice
from server.visits.models import Visit, Visitor
from tests.fakes.chatting import list_questions, picture
from tests.fakes.reception import SYSTEM, Reception


class Room:
    """A visit with one visitor and a host, and what they say."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        list_questions(reception)
        self.visit: Visit = reception.invite()
        self.visitor: Visitor = reception.guests_of(self.visit)[0]
        self.as_visitor = Principal.for_visitor(self.visitor.id)
        with reception.office.begin(self.as_visitor) as work:
            self.id = chats.open_for_visitor(work, self.visitor.id, Language.EN).id

    def says(self, text: str, key: str = "", *, who: str = "visitor") -> Message:
        author = {"visitor": Author.VISITOR, "host": Author.HOST}.get(who, Author.RECEPTION)
        with self.reception.office.begin(self._principal(who)) as work:
            return chats.say(work, self.id, text, author=author, key=key)

    def reads(self, side: Side, number: int, who: str) -> None:
        with self.reception.office.begin(self._principal(who)) as work:
            chats.mark_read(work, self.id, side, number)

    def time_passes(self, minutes: int) -> None:
        self.reception.clock.advance(timedelta(minutes=minutes))
        with self.reception.office.begin(SYSTEM) as work:
            chats.pass_on_overdue(work)

    @property
    def now(self) -> Conversation:
        with Session(self.reception.office.engine) as session:
            return session.get_one(Conversation, self.id)

    @property
    def said(self) -> list[str]:
        """Who spoke, and which note or what text."""
        with Session(self.reception.office.engine) as session:
            found = models.messages(session, self.id, 1000)
            return [f"{each.author}: {each.note or each.text}" for each in found]

    @property
    def notices(self) -> list[str]:
        """Where the host's notices of messages lead."""
        with Session(self.reception.office.engine) as session:
            found = session.exec(select(Notice).where(Notice.kind == "message")).all()
            return [each.path for each in found if each.path.startswith("/host/")]

    def _principal(self, who: str) -> Principal:
        return self.as_visitor if who == "visitor" else self.reception.as_(who)


@pytest.fixture
def room(reception: Reception) -> Room:
    return Room(reception)


def test_the_bot_answers_what_is_in_the_list_in_the_language_that_was_written(room: Room) -> None:
    room.says("what's the wifi password?")
    room.says("WiFi密码？")
    assert room.said[1:] == [
        "visitor: what's the wifi password?",
        "bot: Choose Genkan-Guest.",
        "visitor: WiFi密码？",
        "bot: 请选择Genkan-Guest。",
    ]
    assert room.now.state is State.BOT
    assert not room.notices


def test_what_the_bot_does_not_know_it_says_so_and_the_host_is_told_once(room: Room) -> None:
    room.says("My luggage was stolen")
    room.says("Hello?")
    assert room.said[1:] == [
        "visitor: My luggage was stolen",
        "bot: unknown",
        "system: asked_host",
        "visitor: Hello?",
    ]
    assert room.now.state is State.HOST
    assert room.notices == [f"/host/chat/{room.id}"]


def test_the_host_is_told_again_of_what_came_after_they_had_read_all(room: Room) -> None:
    room.says("My luggage was stolen")
    room.reads(Side.HOST, room.now.last_number, "host")
    room.says("And my shoes")
    assert len(room.notices) == 2


def test_the_bot_is_quiet_once_a_person_spoke_until_it_is_given_back(room: Room) -> None:
    room.says("Welcome!", who="host")
    room.says("wifi password")
    assert room.said[-1] == "visitor: wifi password"
    with room.reception.work("host") as work:
        chats.give_back(work, room.id)
    room.says("wifi password")
    assert room.said[-1] == "bot: Choose Genkan-Guest."


def test_a_person_can_be_asked_for_at_once(room: Room) -> None:
    with room.reception.office.begin(room.as_visitor) as work:
        chats.ask_person(work, room.id)
        chats.ask_person(work, room.id)
    assert room.said[1:] == ["system: asked_host"]
    assert len(room.notices) == 1


def test_reception_takes_over_from_a_silent_host_and_not_from_one_who_reads(room: Room) -> None:
    room.says("My luggage was stolen")
    room.time_passes(2)
    room.reads(Side.HOST, room.now.last_number, "host")
    room.time_passes(2)
    assert room.now.state is State.HOST
    room.time_passes(2)
    assert room.now.state is State.RECEPTION
    assert room.said[-1] == "system: host_silent"


def test_an_answer_of_the_host_settles_what_they_were_told_and_stops_the_time(room: Room) -> None:
    room.says("My luggage was stolen")
    room.says("I am coming.", who="host")
    room.time_passes(60)
    assert room.now.state is State.HOST
    with Session(room.reception.office.engine) as session:
        assert all(each.reacted_at for each in session.exec(select(Notice)).all())


def test_a_host_outside_their_hours_is_not_waited_for(room: Room) -> None:
    hours = {"begin": "00:00", "end": "23:59", "days": [1, 2, 3, 4, 5, 6, 7]}
    with room.reception.work("host") as work:
        wanted = PreferencesInput.model_validate({"time_zone": "UTC", "quiet_hours": hours})
        notifications.set_preferences(work, room.reception.people["host"], wanted)
    room.says("My luggage was stolen")
    assert room.said[-1] == "system: host_away"
    assert room.now.state is State.RECEPTION
    assert not room.notices


def test_the_host_passes_it_to_reception_and_reception_back(room: Room) -> None:
    room.says("My luggage was stolen")
    with room.reception.work("host") as work:
        chats.hand_over(work, room.id, State.RECEPTION)
    room.says("We look after it.", who="security")
    assert room.now.state is State.RECEPTION
    with room.reception.work("security") as work:
        chats.hand_over(work, room.id, State.HOST)
    assert room.said[-3:] == [
        "system: passed_to_reception",
        "reception: We look after it.",
        "system: passed_to_host",
    ]


def test_closed_is_opened_again_by_the_visitors_next_words(room: Room) -> None:
    room.says("My luggage was stolen")
    with room.reception.work("host") as work:
        chats.close(work, room.id)
        chats.close(work, room.id)
    assert room.said[-1] == "system: closed"
    room.says("wifi password")
    assert room.said[-1] == "bot: Choose Genkan-Guest."
    assert room.now.state is State.BOT


def test_the_same_message_sent_twice_is_said_once(room: Room) -> None:
    first = room.says("wifi password", "form-1")
    assert room.says("wifi password", "form-1").id == first.id
    assert len(room.said) == 3


def test_read_marks_never_go_back_nor_beyond_what_was_said(room: Room) -> None:
    room.says("wifi password")
    for number, mark in ((2, 2), (1, 2), (99, 3), (-4, 3)):
        room.reads(Side.HOST, number, "host")
        assert room.now.host_read == mark


def test_nobody_else_sees_it(room: Room) -> None:
    other = room.reception.invite("hanako@example.jp", by="other")
    stranger = Principal.for_visitor(room.reception.guests_of(other)[0].id)
    for who in (stranger, room.reception.as_("other"), chats.stranger("f" * 64)):
        with room.reception.office.begin(who) as work:
            for step in (_see, _speak, _pass, _read):
                with pytest.raises(NotFound):
                    step(work, room)
    with room.reception.office.begin(Principal.anonymous()) as work, pytest.raises(SignInNeeded):
        _see(work, room)


def _see(work: Work, room: Room) -> None:
    chats.messages_of(work, room.id)


def _speak(work: Work, room: Room) -> None:
    chats.say(work, room.id, "Hello", author=Author.HOST)


def _pass(work: Work, room: Room) -> None:
    chats.hand_over(work, room.id, State.RECEPTION)


def _read(work: Work, room: Room) -> None:
    chats.mark_read(work, room.id, Side.HOST, 1)


def test_a_visitor_cannot_speak_as_the_house_nor_change_whose_turn_it_is(room: Room) -> None:
    with room.reception.office.begin(room.as_visitor) as work:
        for step in (_speak, _pass, _read):
            with pytest.raises(NotFound):
                step(work, room)


def test_nothing_too_long_empty_or_too_much_at_once_is_taken(room: Room) -> None:
    with pytest.raises(Invalid):
        room.says("   ")
    with pytest.raises(Invalid):
        room.says("x" * 2001)
    for _ in range(12):
        room.says("wifi password")
    with pytest.raises(TooMany):
        room.says("wifi password")
    room.reception.clock.advance(timedelta(minutes=2))
    room.says("wifi password")


def test_a_file_goes_to_a_person_and_is_gone_from_the_disk_once_forgotten(room: Room) -> None:
    folder = room.reception.office.settings.data_folder
    sent = chats.checked_file("damage.png", picture())
    with room.reception.office.begin(room.as_visitor) as work:
        chats.say(work, room.id, "", [sent], author=Author.VISITOR)
    assert room.said[-2:] == ["bot: file_received", "system: asked_host"]
    with room.reception.office.begin(SYSTEM) as work:
        kept = work.session.exec(select(Attachment)).one()
        told = chats.about_visitor(work, room.visitor.id)
    assert store.get(folder, kept.stored) == sent.content
    assert told["messages"][1]["files"][0]["name"] == "damage.png"
    with room.reception.office.begin(SYSTEM) as work:
        chats.forget_visitor(work, room.visitor.id)
        chats.forget_visitor(work, room.visitor.id)
    assert not [path for path in (folder / store.FOLDER).glob("*/*") if path.is_file()]
    with Session(room.reception.office.engine) as session:
        assert not session.exec(select(Message)).all()
        assert not session.exec(select(Conversation)).all()
        assert not session.exec(select(Attachment)).all()


def test_files_of_an_upload_that_came_to_nothing_are_removed_in_time(room: Room) -> None:
    folder = room.reception.office.settings.data_folder
    store.put(folder, "a" * 32, b"left")
    assert store.remove_orphans(folder, {"a" * 32}) == 0
    assert store.remove_orphans(folder, set()) == 0, "it may be being written just now"


def test_somebody_without_a_visit_is_answered_by_reception(reception: Reception) -> None:
    list_questions(reception)
    identity = chats.identity("a secret of the phone")
    with reception.office.begin(chats.stranger(identity)) as work:
        found = chats.open_for_stranger(work, reception.invite().site, identity, Language.JA)
        chats.say(work, found.id, "落とし物をしました", author=Author.VISITOR)
    with reception.work("security") as work:
        held = chats.find(work, found.id, Side.RECEPTION)
        assert held.state is State.RECEPTION
        with pytest.raises(Conflict):
            chats.hand_over(work, found.id, State.HOST)


def test_strangers_without_end_are_asked_to_wait_and_those_who_write_already_go_on(
    reception: Reception,
) -> None:
    site = reception.invite().site
    with reception.office.begin(SYSTEM) as work:
        first = chats.open_for_stranger(work, site, chats.identity("0"), Language.EN).id
        for number in range(1, MOST_BEGUN):
            chats.open_for_stranger(work, site, chats.identity(str(number)), Language.EN)
    with pytest.raises(TooMany), reception.office.begin(SYSTEM) as work:
        chats.open_for_stranger(work, site, chats.identity("one more"), Language.EN)
    with reception.office.begin(SYSTEM) as work:
        assert chats.open_for_stranger(work, site, chats.identity("0"), Language.EN).id == first
    reception.clock.advance(BEGUN_WITHIN)
    with reception.office.begin(SYSTEM) as work:
        chats.open_for_stranger(work, site, chats.identity("one more"), Language.EN)


def test_strangers_fill_no_disk(reception: Reception) -> None:
    site = reception.invite().site
    small = chats.checked_file("a.pdf", b"%PDF-1.4\n%%EOF")
    with reception.office.begin(SYSTEM) as work:
        found = chats.open_for_stranger(work, site, chats.identity("0"), Language.EN)
        chats.say(work, found.id, "", [small], author=Author.VISITOR)
        kept = work.session.exec(select(Attachment)).one()
        kept.size = MOST_OF_STRANGERS - 1
    with pytest.raises(Invalid), reception.office.begin(SYSTEM) as work:
        chats.say(work, found.id, "", [small], author=Author.VISITOR)
    with reception.office.begin(SYSTEM) as work:
        chats.say(work, found.id, "only words", author=Author.VISITOR)


def test_the_list_is_kept_by_those_who_answer_and_a_question_needs_its_answer(
    reception: Reception,
) -> None:
    list_questions(reception)
    with reception.work("security") as work:
        listed = chats.list_questions(work, reception.invite().site)
        tried = chats.try_out(work, listed[0].site, "can I park here", Language.EN)
    assert [each.position for each in listed] == [1, 2]
    assert tried.answer is not None
    assert tried.answer.text == "Below the building."
    with pytest.raises(ValueError, match="an answer is missing in: ja"):
        chats.QuestionInput.model_validate(
            {"asked": {"ja": ["？"], "en": ["a"]}, "answers": {"en": "b"}}
        )
