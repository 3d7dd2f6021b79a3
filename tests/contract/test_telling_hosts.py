"""A host is told: on each channel, once, in their language, through outages and quiet hours; silence has a deputy."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlmodel import Session, col, select

from access_protocol.wording import Language
from server.arrivals import actions as arrivals
from server.arrivals.actions import CrossingKind, CrossingSource
from server.kernel.errors import Forbidden, Invalid, NotFound
from server.kernel.ids import NoticeId, PersonId, VisitorId
from server.kernel.outbox import OutboxRow, send_due
from server.kernel.principal import Principal
from server.kernel.sealing import Sealer
from server.notifications import actions as notifications
from server.notifications import telling
from server.notifications.actions import (
    DeliveryState,
    Failure,
    MailUse,
    NewChannel,
    NoticeKind,
    PreferencesInput,
    QuietWay,
)
from server.notifications.messages import Catcher
from server.notifications.messenger import MessengerSender
from server.notifications.models import Channel, Delivery, Notice
from server.notifications.preferences import QuietHoursInput
from server.notifications.push import PushSender
from server.people import actions as people
from server.people.models import Person
from server.visits import actions as visits
from tests.fakes.reception import NOW, Reception
from tests.services.push_service import Browser, PushService, Reply, vapid_claims

SYSTEM = Principal.system("tests")
LOCAL = "127.0.0.0/8"


@pytest.fixture
def push_service(tmp_path: Path) -> Iterator[PushService]:
    with PushService(tmp_path) as running:
        yield running


class Hosted:
    """A reception whose host has a browser, and the worker's sending side."""

    def __init__(self, reception: Reception, service: PushService) -> None:
        self.reception, self.service = reception, service
        self.office = reception.office
        self.office.settings.outbound_allowed = LOCAL
        self.office.settings.outbound_ca_file = service.ca_file
        self.host, self.other = reception.people["host"], reception.people["other"]
        self.visit = reception.invite(title="Kick-off")
        self.guest = reception.guests_of(self.visit)[0]
        reception.deliver()
        with self.office.begin(SYSTEM) as work:
            self.push_key = notifications.push_key(work)
        self._senders = {
            "push": PushSender(self.office),
            "service": MessengerSender(self.office),
            "mail": Catcher(self.office),
        }

    def subscribe(self, name: str = "host") -> Browser:
        browser = Browser(self.service.url, name)
        new = NewChannel.model_validate({"subscription": browser.subscription, "label": "Phone"})
        with self.reception.work(name) as work:
            notifications.add_channel(work, self.reception.people[name], new)
        return browser

    def wants(self, name: str = "host", **choices: object) -> None:
        with self.reception.work(name) as work:
            wanted = PreferencesInput.model_validate(choices)
            notifications.set_preferences(work, self.reception.people[name], wanted)

    def tell(self, kind: NoticeKind, **values: str) -> NoticeId | None:
        with self.office.begin(SYSTEM) as work:
            return visits.tell_host(work, self.visit.id, self.guest.id, kind, values)

    def send(self) -> None:
        while send_due(self.office, self._senders):
            pass

    def look_for_silence(self) -> None:
        with self.office.begin(SYSTEM) as work:
            telling.escalate(work)

    def deliveries(self, notice: NoticeId | None) -> list[Delivery]:
        with Session(self.office.engine) as session:
            found = select(Delivery).where(Delivery.notice == notice).order_by(col(Delivery.id))
            return list(session.exec(found).all())

    def states(self, notice: NoticeId | None) -> list[tuple[str, str]]:
        return [(str(each.kind), str(each.state)) for each in self.deliveries(notice)]

    def notices(self, person: PersonId) -> list[str]:
        with Session(self.office.engine) as session:
            found = select(Notice).where(Notice.person == person).order_by(col(Notice.id))
            return [str(each.kind) for each in session.exec(found).all()]

    def mails(self) -> list[str]:
        return [each.subject for each in self.reception.mails()][1:]


@pytest.fixture
def hosted(reception: Reception, push_service: PushService) -> Hosted:
    return Hosted(reception, push_service)


def test_a_browser_reads_what_was_pushed_and_who_sent_it(hosted: Hosted) -> None:
    browser = hosted.subscribe()
    notice = hosted.tell(NoticeKind.NEAR, minutes="3")
    hosted.send()
    (push,) = hosted.service.received
    assert push.path == browser.path
    read = browser.read(push)
    assert read["title"] == "Guest 1 is nearby"
    assert read["body"] == "At the entrance in about 3 minutes. Visit: Kick-off."
    assert read["path"] == f"/host/notices/{notice}"
    assert (read["kind"], read["notice"], read["urgent"]) == ("near", notice, True)
    assert push.headers["topic"] == read["tag"]
    assert len(push.headers["topic"]) == 32
    assert push.headers["urgency"] == "high"
    assert int(push.headers["ttl"]) == int((hosted.visit.ends_at - NOW).total_seconds())
    claims = vapid_claims(push, hosted.push_key)
    assert claims["aud"] == hosted.service.url
    assert claims["sub"] == "mailto:reception@genkan.example"
    assert hosted.states(notice) == [("push", "sent")]
    assert hosted.mails() == []


@pytest.mark.parametrize(
    ("language", "title"),
    [(Language.JA, "Guest 1様が到着しました"), (Language.ZH, "Guest 1已到达")],
)
def test_a_host_is_told_in_their_own_language(
    hosted: Hosted, language: Language, title: str
) -> None:
    browser = hosted.subscribe()
    with hosted.office.begin(SYSTEM) as work:
        work.session.get_one(Person, hosted.host).language = language
    hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    read = browser.read(hosted.service.received[0])
    assert (read["title"], read["language"]) == (title, language)


def test_no_name_is_on_a_locked_screen_where_the_host_hides_them(hosted: Hosted) -> None:
    browser = hosted.subscribe()
    hosted.wants(hide_names=True)
    hosted.tell(NoticeKind.ARRIVED, place="Front door")
    hosted.send()
    read = browser.read(hosted.service.received[0])
    assert (read["title"], read["body"]) == ("Your visitor has arrived", "At Front door.")


def test_the_same_is_told_once_a_day(hosted: Hosted) -> None:
    hosted.subscribe()
    assert hosted.tell(NoticeKind.NEAR) is not None
    assert hosted.tell(NoticeKind.NEAR) is None
    hosted.reception.clock.advance(timedelta(days=1))
    assert hosted.tell(NoticeKind.NEAR) is not None


def test_nobody_approaches_who_has_arrived(hosted: Hosted) -> None:
    hosted.subscribe()
    assert hosted.tell(NoticeKind.ARRIVED) is not None
    assert hosted.tell(NoticeKind.APPROACHING) is None


def test_newer_news_takes_the_place_of_older_that_still_waits(hosted: Hosted) -> None:
    browser = hosted.subscribe()
    approaching = hosted.tell(NoticeKind.APPROACHING)
    arrived = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert [browser.read(push)["kind"] for push in hosted.service.received] == ["arrived"]
    assert hosted.states(approaching) == [("push", "withdrawn")]
    assert hosted.states(arrived) == [("push", "sent")]


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_has_ended_is_removed_and_mail_takes_over(
    hosted: Hosted, status: int
) -> None:
    hosted.subscribe()
    hosted.service.replies.append(Reply(status))
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert hosted.states(notice) == [("push", "failed"), ("mail", "sent")]
    assert hosted.deliveries(notice)[0].failure is Failure.GONE
    assert hosted.mails() == ["Guest 1 has arrived"]
    with hosted.reception.work() as work:
        assert not notifications.list_channels(work, hosted.host)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_outage_delays_and_delivers_once(hosted: Hosted, status: int) -> None:
    hosted.subscribe()
    hosted.service.replies += [Reply(status), Reply(status)]
    notice = hosted.tell(NoticeKind.ARRIVED)
    for _ in range(4):
        hosted.send()
        hosted.reception.clock.advance(timedelta(seconds=30))
    assert len(hosted.service.received) == 3
    assert hosted.states(notice) == [("push", "sent")]


def test_the_push_service_says_when_to_try_again(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.service.replies.append(Reply(429, {"Retry-After": "90"}))
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    hosted.reception.clock.advance(timedelta(seconds=89))
    hosted.send()
    assert hosted.states(notice) == [("push", "waiting")]
    with hosted.reception.work() as work:
        tries = notifications.waiting_tries(work, hosted.deliveries(notice))
    assert list(tries.values()) == ["busy: the push service answered 429"]
    hosted.reception.clock.advance(timedelta(seconds=2))
    hosted.send()
    assert hosted.states(notice) == [("push", "sent")]


def test_news_that_is_worth_nothing_any_more_is_not_sent(hosted: Hosted) -> None:
    hosted.subscribe()
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.reception.clock.advance(timedelta(hours=4))
    hosted.send()
    assert hosted.states(notice) == [("push", "failed")]
    assert hosted.deliveries(notice)[0].failure is Failure.TOO_LATE
    assert hosted.service.received == []


def test_a_redirect_of_a_push_service_is_not_followed(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.service.replies.append(Reply(307, {"Location": f"{hosted.service.url}/elsewhere"}))
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert len(hosted.service.received) == 1
    assert hosted.deliveries(notice)[0].failure is Failure.REFUSED


def test_no_push_goes_into_a_private_network_that_is_not_allowed(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.office.settings.outbound_allowed = ""
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert hosted.service.received == []
    assert hosted.deliveries(notice)[0].failure is Failure.FORBIDDEN_ADDRESS
    assert hosted.mails() == ["Guest 1 has arrived"]


def test_a_push_service_that_nobody_vouches_for_gets_nothing(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.office.settings.outbound_ca_file = None
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert hosted.service.received == []
    assert hosted.states(notice) == [("push", "waiting")]


def test_a_host_without_a_channel_gets_mail(hosted: Hosted) -> None:
    notice = hosted.tell(NoticeKind.APPROACHING, minutes="12")
    hosted.send()
    assert hosted.states(notice) == [("mail", "sent")]
    mail = hosted.reception.mails()[-1]
    assert mail.subject == "Guest 1 is on the way"
    assert "about 12 minutes" in mail.text
    assert f"http://localhost:8080/host/notices/{notice}" in mail.text


def test_a_host_may_have_both(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.wants(mail=MailUse.ALWAYS)
    notice = hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert hosted.states(notice) == [("push", "sent"), ("mail", "sent")]


NIGHT = QuietHoursInput.model_validate({"begin": "13:00", "end": "15:00"}).model_dump()
"""In Tokyo it is two in the afternoon at `NOW`."""


def test_what_can_wait_waits_until_quiet_hours_are_over(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.wants(time_zone="Asia/Tokyo", quiet_hours=NIGHT)
    notice = hosted.tell(NoticeKind.COMPANIONS)
    hosted.send()
    assert hosted.states(notice) == [("push", "waiting")]
    hosted.reception.clock.advance(timedelta(hours=1))
    hosted.send()
    assert hosted.states(notice) == [("push", "sent")]


def test_a_visitor_at_the_door_passes_quiet_hours_where_the_host_allows_it(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.wants(time_zone="Asia/Tokyo", quiet_hours=NIGHT)
    assert hosted.states(hosted.tell(NoticeKind.NEAR)) == [("push", "waiting")]
    hosted.send()
    assert len(hosted.service.received) == 1
    hosted.wants(time_zone="Asia/Tokyo", quiet_hours=NIGHT, urgent_passes=False)
    hosted.tell(NoticeKind.ARRIVED)
    hosted.send()
    assert len(hosted.service.received) == 1


def test_in_quiet_hours_it_may_go_by_mail(hosted: Hosted) -> None:
    hosted.subscribe()
    hosted.wants(time_zone="Asia/Tokyo", quiet_hours=NIGHT, in_quiet=QuietWay.MAIL)
    notice = hosted.tell(NoticeKind.COMPANIONS)
    hosted.send()
    assert hosted.states(notice) == [("mail", "sent")]


def test_what_quiet_hours_outlast_is_said_not_to_have_been_sent(hosted: Hosted) -> None:
    hosted.subscribe()
    hours = QuietHoursInput.model_validate({"begin": "13:00", "end": "21:00"}).model_dump()
    hosted.wants(time_zone="Asia/Tokyo", quiet_hours=hours, urgent_passes=False)
    notice = hosted.tell(NoticeKind.ARRIVED)
    assert hosted.states(notice) == [("push", DeliveryState.QUIET)]


def _name_deputy(hosted: Hosted) -> None:
    with hosted.reception.work() as work:
        people.set_deputy(work, hosted.host, hosted.other)


def test_a_deputy_is_told_when_nobody_reacts(hosted: Hosted) -> None:
    hosted.subscribe()
    browser = hosted.subscribe("other")
    _name_deputy(hosted)
    hosted.tell(NoticeKind.ARRIVED)
    hosted.reception.clock.advance(timedelta(minutes=4, seconds=59))
    hosted.look_for_silence()
    assert hosted.notices(hosted.other) == []
    hosted.reception.clock.advance(timedelta(seconds=1))
    hosted.look_for_silence()
    hosted.look_for_silence()
    hosted.send()
    assert hosted.notices(hosted.other) == ["arrived"]
    read = browser.read(hosted.service.received[-1])
    assert read["body"] == "Visit: Kick-off. You stand in for Host."


def test_a_deputy_is_left_in_peace_after_a_reaction(hosted: Hosted) -> None:
    _name_deputy(hosted)
    notice = hosted.tell(NoticeKind.ARRIVED)
    assert notice is not None
    with hosted.reception.work() as work:
        notifications.reacted(work, notice)
    hosted.reception.clock.advance(timedelta(minutes=10))
    hosted.look_for_silence()
    assert hosted.notices(hosted.other) == []


def test_silence_counts_from_the_first_news_of_a_visitor(hosted: Hosted) -> None:
    _name_deputy(hosted)
    hosted.tell(NoticeKind.NEAR)
    hosted.reception.clock.advance(timedelta(minutes=4))
    hosted.tell(NoticeKind.ARRIVED)
    hosted.reception.clock.advance(timedelta(minutes=1))
    hosted.look_for_silence()
    assert hosted.notices(hosted.other) == ["arrived"]


def test_the_deputy_of_a_deputy_is_not_asked(hosted: Hosted) -> None:
    _name_deputy(hosted)
    with hosted.reception.work("other") as work:
        people.set_deputy(work, hosted.other, hosted.host)
    hosted.tell(NoticeKind.ARRIVED)
    for _ in range(3):
        hosted.reception.clock.advance(timedelta(minutes=6))
        hosted.look_for_silence()
    assert (hosted.notices(hosted.host), hosted.notices(hosted.other)) == (["arrived"], ["arrived"])


def test_a_reaction_takes_back_what_was_not_sent_yet(hosted: Hosted) -> None:
    hosted.subscribe()
    notice = hosted.tell(NoticeKind.ARRIVED)
    with hosted.reception.work() as work:
        notifications.reacted_about(work, VisitorId(hosted.guest.id))
    hosted.send()
    assert hosted.states(notice) == [("push", "withdrawn")]
    assert hosted.service.received == []


def test_a_deputy_must_be_somebody_else_who_is_there(hosted: Hosted) -> None:
    with hosted.reception.work("admin") as work:
        people.deactivate(work, hosted.other)
    for wrong in (hosted.host, hosted.other, PersonId("0" * 32)):
        with hosted.reception.work() as work, pytest.raises(Invalid, match="deputy"):
            people.set_deputy(work, hosted.host, wrong)
    with hosted.reception.work() as work, pytest.raises(Forbidden):
        people.set_deputy(work, hosted.reception.people["security"], hosted.host)


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


def _cross(hosted: Hosted, kind: CrossingKind, minutes: int | None = None) -> None:
    expected = None if minutes is None else timedelta(minutes=minutes)
    with hosted.office.begin(Principal.for_visitor(hosted.guest.id)) as work:
        arrivals.notice_crossing(work, hosted.guest.id, kind, CrossingSource.PAGE, expected)


def test_a_crossing_reaches_the_hosts_browser(hosted: Hosted) -> None:
    browser = hosted.subscribe()
    _cross(hosted, CrossingKind.APPROACHING, 14)
    hosted.send()
    read = browser.read(hosted.service.received[0])
    assert read["title"] == "Guest 1 is on the way"
    assert read["body"] == "Expected in about 14 minutes. Visit: Kick-off."


def test_setting_out_and_approaching_are_told_once(hosted: Hosted) -> None:
    hosted.subscribe()
    _cross(hosted, CrossingKind.ON_MY_WAY)
    _cross(hosted, CrossingKind.APPROACHING, 14)
    assert hosted.notices(hosted.host) == ["approaching"]
    _cross(hosted, CrossingKind.NEAR)
    _cross(hosted, CrossingKind.LEFT)
    _cross(hosted, CrossingKind.HERE)
    assert hosted.notices(hosted.host) == ["approaching", "near", "arrived"]
