"""Hooks and keys of messengers: who did not sign is refused, what comes twice counts once, failures are settled."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from server.kernel.errors import Forbidden
from server.kernel.outbox import OutboxRow, State
from server.notifications import actions as notifications
from server.notifications.actions import AccountState, JoinState
from server.notifications.messenger_models import MessengerAccount, MessengerEvent, MessengerLink
from server.notifications.messengers import joining
from server.notifications.messengers.accounts import OUTBOX
from tests.fakes.messenger_scene import (
    LINE,
    WECOM,
    Scene,
)
from tests.fakes.reception import SITE, Reception
from tests.services.messengers import (
    ACCESS_TOKEN,
    AES_KEY,
    CORP,
    CORP_SECRET,
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


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with StandIn.of(tmp_path) as running:
        yield running
    assert not running.complaints


@pytest.fixture
def scene(reception: Reception, stand_in: StandIn) -> Scene:
    return Scene(reception, stand_in)


def test_whoever_guesses_codes_is_answered_no_more(scene: Scene) -> None:
    scene.set_up()
    for number in range(12):
        scene.hear(scene.stand_in.line_event(text=f"GENKAN-{number:012}"))
    scene.work()

    assert 5 <= len(scene.said()) < 12


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


def test_keys_are_sealed_and_stand_in_no_answer_and_no_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = scene.reception.token_of("admin")
    signed = {"Authorization": f"Bearer {token}"}
    client = scene.app.test_client()
    put = client.put("/api/v1/notifications/messengers/TYO/wecom", json=WECOM_KEYS, headers=signed)
    assert put.status_code == 200
    wrong = LINE_KEYS | {"channel_secret": SECRET + "x"}
    refused = client.put("/api/v1/notifications/messengers/TYO/line", json=wrong, headers=signed)
    assert refused.status_code == 422
    scene.set_up()
    scene.join()
    listed = client.get("/api/v1/notifications/messengers/TYO", headers=signed)

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
