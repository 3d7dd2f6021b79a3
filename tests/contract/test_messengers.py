"""A visit joined to LINE or WeChat: one tap, a code used once, links and nothing else, until somebody leaves."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from access_protocol.ids import SiteCode
from server.kernel.outbox import OutboxRow
from server.notifications import actions as notifications
from server.notifications.actions import AccountState, JoinState, MessengerKind
from server.notifications.messenger_models import (
    MessengerAccount,
    MessengerCode,
    MessengerEvent,
    MessengerLink,
)
from server.notifications.messengers import joining
from server.notifications.messengers.accounts import OUTBOX
from server.visits import actions as visits
from server.visits.actions import link_of
from tests.fakes.messenger_scene import (
    GUEST_EMAIL,
    HOST_ANSWER,
    LINE,
    SYSTEM,
    VISIT_TITLE,
    WECOM,
    Scene,
)
from tests.fakes.reception import SITE, Reception
from tests.fakes.visitor_phone import VisitorPhone
from tests.services.messengers import (
    BASIC_ID,
    CHAT,
    CUSTOMER,
    USER,
    StandIn,
)


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn.of(tmp_path) as running:
        yield running
    assert not running.complaints


@pytest.fixture
def scene(reception: Reception, stand_in: StandIn) -> Scene:
    return Scene(reception, stand_in)


def test_without_a_messenger_the_page_says_nothing_of_it_and_nothing_is_sent(scene: Scene) -> None:
    assert "messenger-heading" not in scene.phone.page()

    scene.answers()

    with Session(scene.office.engine) as session:
        assert not session.exec(select(OutboxRow).where(OutboxRow.kind == OUTBOX)).all()
    assert scene.phone.get("/messenger/line").status_code == 404


def test_a_new_account_is_tried_and_learns_its_own_name(scene: Scene) -> None:
    scene.set_up()
    scene.set_up(WECOM)

    assert (scene.account().state, scene.account().address) == (AccountState.READY, BASIC_ID)
    assert (scene.account(WECOM).state, scene.account(WECOM).address) == (AccountState.READY, CHAT)


def test_keys_that_the_messenger_refuses_are_shown_as_failing_and_offered_to_nobody(
    scene: Scene,
) -> None:
    scene.set_up(channel_access_token="some-other-token-0123456789")

    assert scene.account().state is AccountState.FAILING
    assert scene.account().why == "LINE answered 401"
    assert "messenger-heading" not in scene.phone.page()


def test_one_tap_opens_the_chat_with_a_code_that_joins(scene: Scene) -> None:
    scene.set_up()
    assert "/messenger/line" in scene.phone.page()
    url = scene.tap()
    assert url.startswith("https://line.me/R/oaMessage/%40123genkn/?GENKAN-")

    scene.hear(scene.stand_in.line_event(text=url.rpartition("?")[2]))
    scene.work()

    assert scene.joined() == [(LINE, JoinState.JOINED)]
    (said,) = scene.stand_in.said
    assert said.way == "reply"
    assert f"{scene.link}?openExternalBrowser=1" in said.text
    assert "Joined" in scene.phone.page()


def test_wechat_joins_by_the_parameter_of_its_link_and_asks_for_a_first_message(
    scene: Scene,
) -> None:
    scene.set_up(WECOM)
    url = scene.tap(WECOM)
    assert url.startswith(f"{CHAT}&scene_param=GENKAN-")

    scene.enter(url.rpartition("=")[2])

    assert scene.joined() == [(WECOM, JoinState.MUTE)]
    (welcome,) = scene.stand_in.said
    assert welcome.way == "send_msg_on_event"
    assert "48" in welcome.text
    scene.customer_writes("你好")
    assert scene.joined() == [(WECOM, JoinState.JOINED)]
    assert scene.stand_in.tokens == 1


@pytest.mark.parametrize("kind", [LINE, WECOM])
def test_answer_change_and_cancellation_reach_the_chat_as_links(
    scene: Scene, kind: MessengerKind
) -> None:
    scene.set_up(kind)
    scene.join(kind)
    scene.stand_in.said.clear()

    scene.answers()
    scene.work()
    with scene.reception.work() as work:
        visits.cancel(work, scene.visit.id)
    scene.work()

    assert [each.to for each in scene.stand_in.said] == [USER if kind is LINE else CUSTOMER] * 2
    answered, cancelled = scene.said()
    assert "answered" in answered
    assert "will not take place" in cancelled
    assert all(scene.link in each for each in (answered, cancelled))
    assert not scene.joined()


def test_no_text_holds_a_name_a_time_a_pass_or_what_the_host_said(scene: Scene) -> None:
    scene.set_up()
    scene.set_up(WECOM)
    scene.join()
    scene.join(WECOM)
    scene.hear(scene.stand_in.line_event(text="who is there?"))
    scene.hear(scene.stand_in.line_event(text="GENKAN-000000000000"))
    scene.answers()
    scene.work()
    with scene.reception.work() as work:
        visits.cancel(work, scene.visit.id)
    scene.work()
    with scene.office.reading(SYSTEM) as work:
        texts = [
            str(json.loads(work.sealer.unseal(row.body, OUTBOX))["text"])
            for row in work.session.exec(select(OutboxRow).where(OutboxRow.kind == OUTBOX))
            if row.body
        ]
    assert len(texts) == 9
    assert set(scene.said()) <= set(texts)

    words = "\n".join(texts).replace(scene.link, "")
    forbidden = {
        scene.guest.name, "Guest", "Hanako", GUEST_EMAIL, VISIT_TITLE, "Merger", HOST_ANSWER,
        "Sakura", "GK1:", "GENKAN-", USER, CUSTOMER,
        scene.link.rpartition("/")[2], scene.guest.credential.hex(),
    }  # fmt: skip
    assert not {each for each in forbidden if each.lower() in words.lower()}
    assert not re.search(r"\d{1,2}[:：時点]\d{0,2}|\d{4}-\d\d", words)


def test_a_used_an_old_and_an_unknown_code_are_answered_alike_and_join_nobody(
    scene: Scene,
) -> None:
    scene.set_up()
    used = scene.code()
    scene.hear(scene.stand_in.line_event(text=used))
    scene.phone.post("/messenger/line/leave")
    scene.work()
    old = scene.code()
    scene.reception.clock.advance(timedelta(minutes=15))
    scene.stand_in.said.clear()

    for code in (used, old, "GENKAN-ZZZZZZZZZZZZ"):
        scene.hear(scene.stand_in.line_event(text=code))
        scene.work()

    assert not scene.joined()
    assert len(set(scene.said())) == 1
    assert "does not count" in scene.said()[0]
    assert scene.link not in scene.said()[0]


def test_a_newer_tap_makes_the_code_before_it_worthless(scene: Scene) -> None:
    scene.set_up()
    first, second = scene.code(), scene.code()

    scene.hear(scene.stand_in.line_event(text=first))
    assert not scene.joined()
    scene.hear(scene.stand_in.line_event(text=second.lower()))

    assert scene.joined() == [(LINE, JoinState.JOINED)]


def test_one_person_in_the_messenger_may_hold_several_visits(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    other = scene.reception.invite("second@example.jp", title="Another")
    with scene.reception.work() as work:
        second = link_of(work, scene.reception.guests_of(other)[0])
    scene.phone = VisitorPhone(scene.app, "/v/" + second.rpartition("/")[2]).open()
    scene.join()

    scene.hear(scene.stand_in.line_event("unfollow"))

    with Session(scene.office.engine) as session:
        states = session.exec(select(MessengerLink.state)).all()
    assert list(states) == [JoinState.BLOCKED] * 2


def test_a_block_is_seen_by_host_and_visitor_and_ends_with_the_next_word(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    scene.answers()

    scene.hear(scene.stand_in.line_event("unfollow"))
    scene.stand_in.said.clear()
    scene.work()
    scene.answers()
    scene.work()

    assert not scene.said()
    assert "You blocked our account" in scene.phone.page()
    scene.hear(scene.stand_in.line_event("follow"))
    assert scene.joined() == [(LINE, JoinState.JOINED)]


def test_the_button_forgets_who_the_visitor_is_in_the_messenger(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    scene.answers()

    assert scene.phone.post("/messenger/line/leave").status_code == 303
    scene.stand_in.said.clear()
    scene.work()

    assert not scene.said()
    with Session(scene.office.engine) as session:
        assert not session.exec(select(MessengerLink)).all()


def test_the_host_sees_how_a_visitor_is_joined(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    token = scene.reception.token_of("admin")
    with scene.reception.work() as work:
        found = notifications.joined_of(work, [scene.guest.id])[scene.guest.id]
    assert [(each.kind, each.state) for each in found] == [(LINE, JoinState.JOINED)]
    listed = scene.app.test_client().get(
        "/api/v1/notifications/messengers/TYO", headers={"Authorization": f"Bearer {token}"}
    )
    assert listed.json
    assert listed.json["items"][0]["state"] == "ready"


def test_taking_a_messenger_away_forgets_keys_codes_and_who_had_joined(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    scene.code()
    scene.answers()
    with scene.reception.work("admin") as work:
        notifications.take_messenger_away(work, SiteCode(SITE), LINE)
    scene.stand_in.said.clear()
    scene.work()

    assert not scene.said()
    with Session(scene.office.engine) as session:
        for table in (MessengerAccount, MessengerCode, MessengerLink, MessengerEvent):
            assert not session.exec(select(table)).all()


def test_what_was_joined_is_forgotten_a_day_after_the_visit(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    for days, left in ((1, 1), (1, 0)):
        scene.reception.clock.advance(timedelta(days=days))
        with scene.office.begin(SYSTEM) as work:
            joining.forget(work)
        with Session(scene.office.engine) as session:
            assert len(session.exec(select(col(MessengerLink.id))).all()) == left
