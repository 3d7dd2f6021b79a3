"""Reception is told of who waits in a chat: once, those who answer, while somebody is there, until somebody answers."""

from datetime import time, timedelta

import pytest
from sqlmodel import Session, col, select

from access_protocol.wording import Language
from server.conversations import actions as chats
from server.conversations.actions import Author, HoursInput, State
from server.kernel import live
from server.kernel.ids import ConversationId, PersonId
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal
from server.notifications.models import Notice
from server.people import actions as people
from server.people.actions import NewPerson
from server.people.models import Person
from server.people.rules import Role, rights_of
from tests.contract.test_chat import Room
from tests.fakes.hosted import Hosted
from tests.fakes.reception import SITE, SYSTEM, Reception


@pytest.fixture
def room(reception: Reception) -> Room:
    return Room(reception)


@pytest.fixture
def desk(reception: Reception) -> PersonId:
    return hired(reception, "desk")


def hired(reception: Reception, name: str) -> PersonId:
    """Somebody at the desk."""
    new = NewPerson(
        email=f"{name}@genkan.example",
        name=name.capitalize(),
        language=Language.EN,
        roles=[Role.RECEPTION],
    )
    with reception.office.begin(SYSTEM) as work:
        reception.people[name] = people.create_person(work, new).id
    return reception.people[name]


def told(reception: Reception, *, waiting: bool = False) -> list[tuple[str, str]]:
    """Who was told of messages, and where a tap leads; `waiting`: what nobody reacted to."""
    with Session(reception.office.engine) as session:
        statement = (
            select(Person.name, Notice.path)
            .where(Notice.person == Person.id, Notice.kind == "message")
            .order_by(col(Notice.id))
        )
        if waiting:
            statement = statement.where(col(Notice.reacted_at).is_(None))
        return list(session.exec(statement).all())


def passed_to_reception(room: Room) -> ConversationId:
    room.says("May I bring my dog?")
    with room.reception.work() as work:
        chats.hand_over(work, room.id, State.RECEPTION)
    return room.id


def test_those_at_the_desk_are_told_once_and_nobody_else(room: Room, desk: PersonId) -> None:
    del desk
    inbox = f"/panel/inbox/{passed_to_reception(room)}"
    room.says("It is a small one.")
    assert told(room.reception)[-1] == ("Desk", inbox)
    assert [path for _, path in told(room.reception)].count(inbox) == 1
    with Session(room.reception.office.engine) as session:
        shown = select(OutboxRow).where(OutboxRow.kind == live.KIND)
        notices = [each.payload for each in session.exec(shown)]
    # The open inbox fetches itself anew.
    assert {"what": "conversations", "about": room.id} in notices


def test_the_news_reaches_their_phone(hosted: Hosted) -> None:
    hired(hosted.reception, "desk")
    browser = hosted.subscribe("desk")
    room = Room(hosted.reception)
    passed_to_reception(room)
    hosted.send()
    pushes = [browser.read(each) for each in hosted.service.wait_for(1)]
    assert [each["title"] for each in pushes] == ["New message from Guest 1"]


@pytest.mark.parametrize("left", ["reception", "security"])
def test_where_nobody_is_at_the_desk_security_is_told_and_then_administrators(
    room: Room, left: str
) -> None:
    if left == "security":
        with room.reception.work("admin") as work:
            people.deactivate(work, room.reception.people["security"])
    passed_to_reception(room)
    who, path = told(room.reception)[-1]
    assert path.startswith("/panel/inbox/")
    assert who == ("Security" if left == "reception" else "Admin")


def test_an_answer_of_anybody_lets_it_rest(room: Room, desk: PersonId) -> None:
    del desk
    passed_to_reception(room)
    assert told(room.reception, waiting=True)
    room.says("Please do.", who="security")
    assert not told(room.reception, waiting=True)
    room.says("And a cat?")
    assert [who for who, _ in told(room.reception, waiting=True)] == ["Security"]


def test_whoever_takes_it_is_told_alone_of_what_comes_after(room: Room, desk: PersonId) -> None:
    del desk
    passed_to_reception(room)
    with room.reception.work("security") as work:
        chats.take(work, room.id)
    assert not any("/panel/" in path for _, path in told(room.reception, waiting=True))
    room.says("Yes?", who="security")
    room.says("May I?")
    assert told(room.reception, waiting=True) == [("Security", f"/panel/inbox/{room.id}")]


def test_what_is_passed_back_to_the_host_waits_for_reception_no_longer(
    room: Room, desk: PersonId
) -> None:
    del desk
    chat = passed_to_reception(room)
    with room.reception.work("security") as work:
        chats.hand_over(work, chat, State.HOST)
    assert "Desk" not in {who for who, _ in told(room.reception, waiting=True)}


def test_outside_the_hours_the_desk_is_left_in_peace(room: Room, desk: PersonId) -> None:
    del desk
    every_day = dict.fromkeys(range(7), (time(9), time(18)))
    with room.reception.work("admin") as work:
        chats.set_hours(work, SITE, HoursInput(days=every_day))
    room.reception.clock.advance(timedelta(hours=5))  # seven in the evening
    passed_to_reception(room)
    assert "Desk" not in {who for who, _ in told(room.reception)}


def test_of_a_stranger_at_a_sign_the_desk_is_told_without_a_name_and_it_rests_once_answered(
    reception: Reception, desk: PersonId
) -> None:
    identity = chats.identity("a secret of the phone")
    with reception.office.begin(chats.stranger(identity)) as work:
        chat = chats.open_for_stranger(work, SITE, identity, Language.EN).id
        chats.say(work, chat, "Is anybody there?", author=Author.VISITOR)
    assert told(reception, waiting=True) == [("Desk", f"/panel/inbox/{chat}")]
    at_the_desk = Principal.for_person(desk, rights_of([Role.RECEPTION]))
    with reception.office.begin(at_the_desk) as work:
        chats.say(work, chat, "Yes.", author=Author.RECEPTION)
    assert not told(reception, waiting=True)
