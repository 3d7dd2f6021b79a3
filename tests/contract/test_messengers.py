"""A visit joined to LINE or WeChat: one tap, a code used once, links and nothing else, until somebody leaves."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import Flask
from pydantic import AnyHttpUrl
from sqlmodel import Session, col, select

from access_protocol.ids import SiteCode
from server.app import create_app
from server.arrivals import actions as arrivals
from server.arrivals.actions import NewAnswer
from server.kernel.errors import Forbidden
from server.kernel.outbox import OutboxRow, State, send_due
from server.kernel.principal import Principal
from server.notifications import actions as notifications
from server.notifications.actions import AccountState, JoinState, MessengerKind
from server.notifications.messengers import joining
from server.notifications.messengers.accounts import OUTBOX
from server.notifications.messengers.sending import ChatSender
from server.notifications.models import (
    MessengerAccount,
    MessengerCode,
    MessengerEvent,
    MessengerLink,
)
from server.visits import actions as visits
from server.visits.actions import link_of
from tests.fakes.limits import lift
from tests.fakes.reception import SITE, Reception
from tests.fakes.visitor_phone import VisitorPhone
from tests.services.messengers import (
    ACCESS_TOKEN,
    AES_KEY,
    BASIC_ID,
    CHAT,
    CORP,
    CORP_SECRET,
    CUSTOMER,
    LINE_KEYS,
    SECRET,
    TOKEN,
    USER,
    WECOM_KEYS,
    StandIn,
    line_hook,
    line_signature,
    wecom_hook,
    wecom_query,
)
from tests.services.push_service import Reply

SYSTEM = Principal.system("tests")
LINE, WECOM = MessengerKind.LINE, MessengerKind.WECOM
HOST_ANSWER = "Ich komme gleich zu Ihnen, Aufzug B"
VISIT_TITLE = "Merger talks with Umbrella"
GUEST_EMAIL = "hanako.private@example.jp"


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn.of(tmp_path) as running:
        yield running
    assert not running.complaints


class Scene:
    """A reception whose visitor has the invitation open, and the worker's side of messengers."""

    def __init__(self, reception: Reception, stand_in: StandIn) -> None:
        self.reception, self.stand_in, self.office = reception, stand_in, reception.office
        settings = reception.office.settings
        settings.outbound_allowed = "127.0.0.0/8"
        settings.outbound_ca_file = stand_in.service.ca_file
        settings.line_api_url = settings.wecom_api_url = AnyHttpUrl(stand_in.service.url)
        self.app: Flask = create_app(settings, reception.office)
        lift(self.app)
        self.sender = ChatSender(reception.office)
        self.visit = reception.invite(GUEST_EMAIL, title=VISIT_TITLE)
        self.guest = reception.guests_of(self.visit)[0]
        with reception.work() as work:
            self.link = link_of(work, self.guest)
        self.phone = VisitorPhone(self.app, "/v/" + self.link.rpartition("/")[2]).open()

    def set_up(self, kind: MessengerKind = LINE, **keys: str) -> None:
        given = (LINE_KEYS if kind is LINE else WECOM_KEYS) | keys
        with self.reception.work("admin") as work:
            notifications.set_up_messenger(work, SITE, kind, given)
        self.work()

    def work(self) -> None:
        """Let the worker do what is due."""
        while send_due(self.office, {OUTBOX: self.sender}):
            pass

    def tap(self, kind: MessengerKind = LINE) -> str:
        """Press the button; return where it leads, decoded."""
        answer = self.phone.get(f"/messenger/{kind}")
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def code(self, kind: MessengerKind = LINE) -> str:
        return re.search(r"GENKAN-\w{12}", unquote(self.tap(kind)))[0]  # type: ignore[index]

    def join(self, kind: MessengerKind = LINE) -> None:
        """Join as people do."""
        if kind is LINE:
            self.hear(self.stand_in.line_event(text=self.code()))
        else:
            self.enter(self.code(WECOM))
            self.customer_writes("hello")
        self.work()

    def hear(self, *events: dict[str, object]) -> None:
        assert line_hook(self.app, *events).status_code == 200

    @property
    def seconds(self) -> int:
        return int(self.reception.clock.now().timestamp())

    def enter(self, code: str) -> None:
        self.stand_in.kf_event(
            "enter_session", self.seconds, scene_param=code, welcome_code="welcome-1"
        )
        assert wecom_hook(self.app).status_code == 200
        self.work()

    def customer_writes(self, text: str) -> None:
        self.stand_in.kf_text(text, self.seconds)
        assert wecom_hook(self.app).status_code == 200
        self.work()

    def answers(self) -> None:
        new = NewAnswer.model_validate({"kind": "text", "text": HOST_ANSWER})
        with self.reception.work() as work:
            arrivals.answer(work, self.visit.id, new)

    def joined(self) -> list[tuple[MessengerKind, JoinState]]:
        with self.office.reading(SYSTEM) as work:
            found = notifications.joined_of(work, [self.guest.id])
        return [(each.kind, each.state) for each in found.get(self.guest.id, [])]

    def account(self, kind: MessengerKind = LINE) -> MessengerAccount:
        with self.office.reading(SYSTEM) as work:
            return notifications.find_messenger(work, SITE, kind)

    def said(self) -> list[str]:
        return [each.text for each in self.stand_in.said]


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


def test_whoever_guesses_codes_is_answered_no_more(scene: Scene) -> None:
    scene.set_up()
    for number in range(12):
        scene.hear(scene.stand_in.line_event(text=f"GENKAN-{number:012}"))
    scene.work()

    assert 5 <= len(scene.said()) < 12


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


def test_the_same_event_again_is_handled_once(scene: Scene) -> None:
    scene.set_up()
    event = scene.stand_in.line_event(text="hello")

    for _ in range(3):
        scene.hear(event, event)
    scene.work()

    assert len(scene.said()) == 1


def test_a_replayed_callback_fetches_and_changes_nothing(scene: Scene) -> None:
    scene.set_up(WECOM)
    scene.join(WECOM)
    before = list(scene.said())

    for _ in range(3):
        assert wecom_hook(scene.app).status_code == 200
        scene.work()

    assert scene.said() == before


def test_an_event_older_than_our_memory_is_not_looked_at(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    unfollow = scene.stand_in.line_event("unfollow")
    scene.reception.clock.advance(joining.REMEMBERED + timedelta(days=1))

    scene.hear(unfollow)

    with Session(scene.office.engine) as session:
        assert session.exec(select(MessengerLink.state)).all() == [JoinState.JOINED]


@pytest.mark.parametrize("hours", [-12, 12])
def test_a_clock_that_is_wrong_by_hours_stops_nobody_from_joining(scene: Scene, hours: int) -> None:
    scene.set_up()
    scene.set_up(WECOM)
    skewed = scene.seconds + hours * 3600

    scene.hear(scene.stand_in.line_event(text=scene.code(), timestamp=skewed * 1000))
    scene.stand_in.kf_event(
        "enter_session", skewed, scene_param=scene.code(WECOM), welcome_code="welcome-1"
    )
    assert wecom_hook(scene.app, timestamp=str(skewed)).status_code == 200
    scene.work()

    assert {kind for kind, _ in scene.joined()} == {LINE, WECOM}


@pytest.mark.parametrize(
    "signature", ["", "AAAA", "ä", line_signature(b"{}"), line_signature(b"", "f" * 32)]
)
def test_a_webhook_that_line_did_not_sign_is_refused_and_nothing_happens(
    scene: Scene, signature: str
) -> None:
    scene.set_up()
    event = scene.stand_in.line_event(text=scene.code())

    answer = line_hook(scene.app, event, signature=signature.encode().decode("latin-1"))

    assert (answer.status_code, answer.data) == (403, b"")
    with Session(scene.office.engine) as session:
        assert not session.exec(select(MessengerEvent)).all()
        assert not session.exec(select(MessengerLink)).all()


def test_a_callback_that_wecom_did_not_sign_is_refused(scene: Scene) -> None:
    scene.set_up(WECOM)
    client = scene.app.test_client()
    for query in ({}, wecom_query("another text")):
        body = "<xml><Encrypt>AAAA</Encrypt></xml>"
        assert client.post("/hooks/wecom/TYO", query_string=query, data=body).status_code == 403
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><Encrypt>&a;</Encrypt></xml>'
    assert client.post("/hooks/wecom/TYO", data=bomb).status_code == 400


def test_wecom_reads_its_own_text_back_when_it_tries_the_address(scene: Scene) -> None:
    scene.set_up(WECOM)
    from server.notifications.messengers.sealed_calls import Envelope  # noqa: PLC0415

    sealed = Envelope(TOKEN, AES_KEY, CORP).sealed(b"1616140317555161061")
    client = scene.app.test_client()

    answer = client.get("/hooks/wecom/TYO", query_string=wecom_query(sealed) | {"echostr": sealed})

    assert (answer.status_code, answer.data) == (200, b"1616140317555161061")
    assert client.get("/hooks/wecom/TYO", query_string={"echostr": sealed}).status_code == 403
    assert client.get("/hooks/line/TYO").status_code == 403


def test_a_hook_of_no_account_looks_like_a_wrong_signature(scene: Scene) -> None:
    assert line_hook(scene.app).status_code == 403
    scene.set_up()
    body = b'{"events":[]}'
    client = scene.app.test_client()
    signed = {"x-line-signature": line_signature(body)}
    assert client.post("/hooks/line/OSA", data=body, headers=signed).status_code == 403
    assert client.post("/hooks/pigeon/TYO", data=body, headers=signed).status_code == 404
    assert line_hook(scene.app).status_code == 200


def test_a_huge_body_is_refused_before_it_is_read(scene: Scene) -> None:
    scene.set_up()
    body = b"[" * (256 * 1024 + 1)
    signed = {"x-line-signature": line_signature(body)}

    answer = scene.app.test_client().post("/hooks/line/TYO", data=body, headers=signed)

    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"events":{}}', b"[" * 100_000, b"\xff"])
def test_a_signed_body_that_is_no_webhook_is_refused_as_unreadable(
    scene: Scene, body: bytes
) -> None:
    scene.set_up()
    signed = {"x-line-signature": line_signature(body)}
    answer = scene.app.test_client().post("/hooks/line/TYO", data=body, headers=signed)
    assert answer.status_code == 400


def test_groups_stickers_and_unknown_events_are_nobody_s_word(scene: Scene) -> None:
    scene.set_up()
    event = scene.stand_in.line_event
    scene.hear(
        event(source={"type": "group", "groupId": "C1", "userId": USER}),
        event("accountLink", link={"result": "ok", "nonce": "x"}),
        event("beacon"),
        event(mode="standby", text="hello"),
        {"type": "message"},
    )
    scene.work()
    assert not scene.said()
    scene.hear(event(message={"type": "sticker", "id": "1"}))
    scene.work()
    assert len(scene.said()) == 1


def test_a_busy_messenger_is_asked_again_when_it_said_and_told_once(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    scene.stand_in.said.clear()
    busy = Reply(429, {"Retry-After": "90"}, b'{"message":"The API rate limit has been exceeded"}')
    scene.stand_in.replies.extend([busy, Reply(500)])
    scene.answers()

    scene.work()
    scene.reception.clock.advance(timedelta(seconds=89))
    scene.work()
    assert len(scene.stand_in.replies) == 1
    scene.reception.clock.advance(timedelta(seconds=1))
    scene.work()
    scene.reception.clock.advance(timedelta(minutes=5))
    scene.work()

    assert len(scene.said()) == 1


def test_a_push_whose_answer_was_lost_is_not_written_twice(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    scene.stand_in.replies.append(Reply(409, {}, b'{"message":"already accepted"}'))
    scene.answers()
    scene.work()

    with Session(scene.office.engine) as session:
        rows = select(OutboxRow).where(OutboxRow.kind == OUTBOX, OutboxRow.state != State.SENT)
        assert not session.exec(rows).all()


def test_a_used_up_month_ends_the_message_and_is_shown(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    scene.stand_in.replies.append(
        Reply(429, {}, b'{"message":"You have reached your monthly limit."}')
    )
    scene.answers()
    scene.work()

    assert scene.account().state is AccountState.FAILING
    assert "monthly limit" in scene.account().why


def test_an_access_token_that_ended_early_is_renewed_once(scene: Scene) -> None:
    scene.set_up(WECOM)
    scene.join(WECOM)
    scene.stand_in.tokens += 1
    scene.answers()
    scene.work()

    assert "answered" in scene.said()[-1]
    assert scene.stand_in.tokens == 3


def test_when_the_48_hours_are_over_the_link_waits_for_a_word(scene: Scene) -> None:
    scene.set_up(WECOM)
    scene.join(WECOM)
    scene.stand_in.writable = False
    scene.answers()
    scene.work()
    assert scene.joined() == [(WECOM, JoinState.MUTE)]
    assert "Send any message in the chat" in scene.phone.page()

    scene.stand_in.writable = True
    scene.customer_writes("hi")
    assert scene.joined() == [(WECOM, JoinState.JOINED)]


@pytest.mark.parametrize(("fail_type", "state"), [(10, JoinState.BLOCKED), (4, JoinState.MUTE)])
def test_a_delivery_that_failed_later_settles_the_link(
    scene: Scene, fail_type: int, state: JoinState
) -> None:
    scene.set_up(WECOM)
    scene.join(WECOM)
    scene.stand_in.kf_event("msg_send_fail", scene.seconds, fail_msgid="x", fail_type=fail_type)
    assert wecom_hook(scene.app).status_code == 200
    scene.work()
    assert scene.joined() == [(WECOM, state)]


def test_the_host_sees_how_a_visitor_is_joined(scene: Scene) -> None:
    scene.set_up()
    scene.join()
    token = scene.reception.token_of("admin")
    with scene.reception.work() as work:
        found = notifications.joined_of(work, [scene.guest.id])[scene.guest.id]
    assert [(each.kind, each.state) for each in found] == [(LINE, JoinState.JOINED)]
    listed = scene.app.test_client().get(
        "/api/v1/messengers/TYO", headers={"Authorization": f"Bearer {token}"}
    )
    assert listed.json
    assert listed.json["items"][0]["state"] == "ready"


def test_keys_are_sealed_and_stand_in_no_answer_and_no_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = scene.reception.token_of("admin")
    signed = {"Authorization": f"Bearer {token}"}
    client = scene.app.test_client()
    put = client.put("/api/v1/messengers/TYO/wecom", json=WECOM_KEYS, headers=signed)
    assert put.status_code == 200
    wrong = LINE_KEYS | {"channel_secret": SECRET + "x"}
    refused = client.put("/api/v1/messengers/TYO/line", json=wrong, headers=signed)
    assert refused.status_code == 422
    scene.set_up()
    scene.join()
    listed = client.get("/api/v1/messengers/TYO", headers=signed)

    shown = put.text + refused.text + listed.text + caplog.text + scene.phone.page()
    secrets = {SECRET, ACCESS_TOKEN, CORP_SECRET, AES_KEY, USER}
    assert not {each for each in secrets if each in shown}
    with Session(scene.office.engine) as session:
        stored = repr(session.exec(select(MessengerAccount)).all())
        stored += repr(session.exec(select(MessengerLink)).all())
        stored += repr(session.exec(select(OutboxRow).where(OutboxRow.kind == OUTBOX)).all())
    assert not {each for each in secrets | {scene.link} if each in stored}


def test_only_who_may_change_a_site_sets_up_its_messengers(scene: Scene) -> None:
    with pytest.raises(Forbidden), scene.reception.work("host") as work:
        notifications.set_up_messenger(work, SITE, LINE, LINE_KEYS)
    with pytest.raises(Forbidden), scene.reception.work("security") as work:
        notifications.list_messengers(work, SITE)


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
