"""What visitors write at LINE, at WeChat and by mail is said in their chat, and they hear of the answer there."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from access_protocol.wording import Language
from server.conversations import actions as chats
from server.conversations import incoming
from server.conversations.actions import Author, Channel
from server.conversations.mail_text import Letter
from server.conversations.models import Conversation, Message
from server.kernel.ids import ConversationId, VisitorId
from server.notifications.actions import MessengerKind, MessengerWrote
from server.visits import actions as visits
from server.visits import reply_address
from server.visits.models import Visitor
from tests.fakes.messenger_scene import WECOM, Scene
from tests.fakes.reception import SITE, SYSTEM, Reception
from tests.services.messengers import StandIn


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn.of(tmp_path) as running:
        yield running
    assert not running.complaints


@pytest.fixture
def scene(reception: Reception, stand_in: StandIn) -> Scene:
    return Scene(reception, stand_in)


def written(reception: Reception) -> list[tuple[str, Channel]]:
    """What visitors said, and where, the first first."""
    with Session(reception.office.engine) as session:
        statement = select(Message).where(Message.author == Author.VISITOR)
        found = session.exec(statement.order_by(col(Message.at), col(Message.number)))
        return [(each.text, each.channel) for each in found.all()]


def chat_of(reception: Reception, visitor: VisitorId) -> ConversationId:
    with Session(reception.office.engine) as session:
        return session.exec(select(Conversation).where(Conversation.visitor == visitor)).one().id


def host_answers(reception: Reception, visitor: VisitorId) -> None:
    with reception.work() as work:
        chats.say(work, chat_of(reception, visitor), "Yes, please do.", author=Author.HOST)


def test_what_is_written_at_line_is_said_once_and_the_answer_is_told_there(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    told = len(scene.stand_in.said)
    event = scene.stand_in.line_event(text="May I bring a bicycle?")
    scene.hear(event)
    scene.hear(event)
    scene.work()
    assert written(scene.reception) == [("May I bring a bicycle?", Channel.LINE)]
    host_answers(scene.reception, scene.guest.id)
    scene.work()
    *_, news = scene.stand_in.said[told:]
    # What was said stays on the page: LINE learns that there is an answer, and where.
    assert scene.link in news.text
    assert "please do" not in news.text


def test_what_is_written_at_wechat_is_said_once_each_time(scene: Scene) -> None:
    scene.set_up(WECOM)
    scene.join(WECOM)
    before = len(written(scene.reception))
    scene.customer_writes("车可以停哪里?")
    scene.customer_writes("谢谢")
    assert written(scene.reception)[before:] == [
        ("车可以停哪里?", Channel.WECOM),
        ("谢谢", Channel.WECOM),
    ]


def test_a_code_and_a_strangers_words_are_said_in_no_chat(scene: Scene) -> None:
    scene.set_up()
    scene.hear(scene.stand_in.line_event(text="hello"))
    scene.hear(scene.stand_in.line_event(text=scene.code()))
    scene.work()
    assert written(scene.reception) == []


def test_of_several_visits_the_one_at_hand_is_meant(reception: Reception) -> None:
    far, near = (
        reception.guests_of(
            reception.invite(
                starts_at=reception.clock.now() + timedelta(days=days),
                ends_at=reception.clock.now() + timedelta(days=days, hours=1),
            )
        )[0].id
        for days in (5, 1)
    )
    wrote = MessengerWrote(
        kind=MessengerKind.LINE, site=SITE, visitors=(far, near), text="Hello", event="1"
    )
    with reception.office.begin(SYSTEM) as work:
        work.record(wrote)
    with Session(reception.office.engine) as session:
        assert session.exec(select(Conversation.visitor)).all() == [near]


@pytest.fixture
def by_mail(reception: Reception) -> Visitor:
    """A visitor who answered their invitation by mail."""
    settings = reception.office.settings
    settings.mail_in = "lmtp://127.0.0.1:8024"
    settings.mail_in_address = "visits@reception.example"
    guest = reception.guests_of(reception.invite())[0]
    letter = Letter(
        id="<one@guest.example>", text="May I bring a dog?", is_automatic=False, files=()
    )
    with reception.office.begin(SYSTEM) as work:
        address = reply_address.reply_address(work, guest.id)
        incoming.take_mail(work, address, letter, [], [])
    return guest


def test_who_wrote_by_mail_is_told_by_mail_that_there_is_an_answer_and_not_what_it_says(
    reception: Reception, by_mail: Visitor
) -> None:
    assert written(reception) == [("May I bring a dog?", Channel.MAIL)]
    before = len(reception.mails())
    host_answers(reception, by_mail.id)
    (news,) = reception.mails()[before:]
    with reception.work() as work:
        assert visits.link_of(work, work.session.get_one(Visitor, by_mail.id)) in news.text
    assert "taro@example.jp" in news.recipient
    assert "please do" not in news.text + news.html


def test_who_wrote_on_the_page_since_is_told_by_no_mail(
    reception: Reception, by_mail: Visitor
) -> None:
    with reception.office.begin(SYSTEM) as work:
        chat = chats.open_for_visitor(work, by_mail.id, Language.EN).id
        chats.say(work, chat, "It is small.", author=Author.VISITOR)
    before = len(reception.mails())
    host_answers(reception, by_mail.id)
    told = [each for each in reception.mails()[before:] if "taro@" in each.recipient]
    assert told == []
