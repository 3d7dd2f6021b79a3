"""A host's channels: whose they are, what a messenger may lead to, and that no address is ever in the open."""

import logging

import pytest
from pydantic import SecretStr
from sqlmodel import Session, select

from access_protocol.wording import Language
from server.kernel.errors import Forbidden, Invalid, NotFound
from server.kernel.ids import NoticeId
from server.kernel.outbox import OutboxRow
from server.kernel.sealing import Sealer
from server.notifications import actions as notifications
from server.notifications.actions import (
    DeliveryState,
    Failure,
    NewChannel,
    NoticeKind,
)
from server.notifications.models import Channel, Delivery
from server.people import actions as people
from server.visits.models import Visit, VisitState
from tests.fakes.hosted import SYSTEM, Hosted
from tests.services.push_service import Reply


def test_a_test_message_shows_what_became_of_it(hosted: Hosted) -> None:
    browser = hosted.subscribe()
    with hosted.reception.work() as work:
        (channel,) = notifications.list_channels(work, hosted.host)
        notifications.send_test(work, channel.id, Language.JA)
    hosted.send()
    assert browser.read(hosted.service.received[0])["title"] == "これはテストです"
    with hosted.reception.work() as work:
        latest = notifications.latest_test(work, channel.id)
        assert latest is not None
        assert latest.state is DeliveryState.SENT
        assert notifications.notices_of(work, hosted.host).items == []


def test_a_channel_is_its_persons_own(hosted: Hosted) -> None:
    hosted.subscribe()
    with hosted.reception.work() as work:
        (channel,) = notifications.list_channels(work, hosted.host)
    with hosted.reception.work("other") as work:
        with pytest.raises(NotFound):
            notifications.remove_channel(work, channel.id)
        with pytest.raises(Forbidden):
            notifications.list_channels(work, hosted.host)
    with hosted.reception.work() as work:
        notifications.remove_channel(work, channel.id)
        assert not notifications.list_channels(work, hosted.host)


def test_a_channel_that_is_removed_leaves_its_news_to_the_mail(hosted: Hosted) -> None:
    hosted.subscribe()
    notice = hosted.tell(NoticeKind.ARRIVED)
    with hosted.reception.work() as work:
        (channel,) = notifications.list_channels(work, hosted.host)
        notifications.remove_channel(work, channel.id)
    hosted.send()
    assert hosted.states(notice) == [("push", "withdrawn"), ("mail", "sent")]


def test_a_browser_that_subscribes_again_keeps_its_channel_and_follows_who_signs_in(
    hosted: Hosted,
) -> None:
    browser = hosted.subscribe()
    new = NewChannel.model_validate({"subscription": browser.subscription})
    with hosted.reception.work() as work:
        notifications.add_channel(work, hosted.host, new)
        assert len(notifications.list_channels(work, hosted.host)) == 1
    with hosted.reception.work("other") as work:
        notifications.add_channel(work, hosted.other, new)
    with hosted.reception.work() as work:
        assert not notifications.list_channels(work, hosted.host)


def test_a_closed_account_is_told_nothing(hosted: Hosted) -> None:
    hosted.subscribe()
    notice = hosted.tell(NoticeKind.ARRIVED)
    with hosted.reception.work("admin") as work:
        work.session.get_one(Visit, hosted.visit.id).state = VisitState.CANCELLED
        people.deactivate(work, hosted.host)
    hosted.send()
    assert hosted.service.received == []
    assert [state for _, state in hosted.states(notice)] == ["withdrawn"]
    assert hosted.mails() == []


def _hook(hosted: Hosted, url: str) -> NoticeId:
    with hosted.reception.work() as work:
        new = NewChannel.model_validate({"url": url})
        channel = notifications.add_channel(work, hosted.host, new)
        return notifications.send_test(work, channel.id, Language.EN)


def test_a_messenger_gets_the_words_and_the_link(hosted: Hosted) -> None:
    notice = _hook(hosted, f"jsons://localhost:{hosted.service.port}/hook/s3cret")
    hosted.send()
    (call,) = hosted.service.received
    assert call.path.rstrip("/") == "/hook/s3cret"
    assert b"This is a test" in call.body
    assert b"http://localhost:8080/host/" in call.body
    assert hosted.states(notice) == [("service", "sent")]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "2130706433"])
def test_no_messenger_leads_back_to_this_machine(hosted: Hosted, host: str) -> None:
    hosted.office.settings.outbound_allowed = ""
    notice = _hook(hosted, f"jsons://{host}:{hosted.service.port}/")
    hosted.send()
    assert hosted.service.received == []
    (delivery,) = hosted.deliveries(notice)
    assert delivery.failure is Failure.FORBIDDEN_ADDRESS


def test_no_messenger_is_followed_elsewhere_though_its_url_asks_for_it(hosted: Hosted) -> None:
    url = f"jsons://localhost:{hosted.service.port}/?redirect=yes&verify=no"
    hosted.service.replies.append(Reply(307, {"Location": f"{hosted.service.url}/elsewhere"}))
    notice = _hook(hosted, url)
    hosted.send()
    assert len(hosted.service.received) == 1
    assert hosted.deliveries(notice)[0].failure is Failure.REFUSED


def test_a_messenger_that_nobody_vouches_for_gets_nothing_though_its_url_asks_for_it(
    hosted: Hosted,
) -> None:
    hosted.office.settings.outbound_ca_file = None
    _hook(hosted, f"jsons://localhost:{hosted.service.port}/?verify=no")
    hosted.send()
    assert hosted.service.received == []


@pytest.mark.parametrize(
    "url",
    [
        "json://example.jp/",
        "mailto://a:b@example.jp",
        "syslog://localhost",
        "exec://x",
        "file:///etc/passwd",
        "windows://",
        "dbus://",
        "jsons://",
        "jsons://a b",
        "jsons://[::1",
    ],
)
def test_only_messengers_that_were_looked_at_may_be_added(hosted: Hosted, url: str) -> None:
    new = NewChannel.model_validate({"url": url})
    with hosted.reception.work() as work, pytest.raises(Invalid, match="url"):
        notifications.add_channel(work, hosted.host, new)


def test_no_address_of_a_channel_is_logged_or_stored_in_the_open(
    hosted: Hosted, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = hosted.subscribe()
    _hook(hosted, f"jsons://localhost:{hosted.service.port}/hook/s3cret")
    hosted.service.replies += [Reply(500, body=b"no"), Reply(500, body=b"no")]
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    with Session(hosted.office.engine) as session:
        rows = [row.model_dump() for row in session.exec(select(OutboxRow)).all()]
        kept = [row.model_dump() for row in session.exec(select(Channel)).all()]
        stored = [row.model_dump() for row in session.exec(select(Delivery)).all()]
    told = f"{rows}{kept}{stored}{caplog.text}{capfd.readouterr()}"
    secrets = (browser.path, browser.keys["auth"], "s3cret")
    assert notice is not None
    assert not [secret for secret in secrets if secret in told]


def test_channels_outlive_the_master_key(hosted: Hosted) -> None:
    browser = hosted.subscribe()
    old, new = hosted.office.settings.master_key, SecretStr("2z7Bq1Lw9Xm3Vn5Kc8Jd4Hf6Gs0Pa2Ro")
    hosted.office.sealer = Sealer(new, old)
    with hosted.office.begin(SYSTEM) as work:
        notifications.seal_anew(work)
    hosted.office.sealer = Sealer(new)
    hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert browser.read(hosted.service.received[0])["kind"] == "arrived"
