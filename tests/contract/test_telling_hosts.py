"""A host is told: on each channel, once, in their language, through outages and quiet hours; silence has a deputy."""

from datetime import timedelta

import pytest

from access_protocol.wording import Language
from server.arrivals import actions as arrivals
from server.arrivals.actions import CrossingKind, CrossingSource
from server.kernel.errors import Forbidden, Invalid
from server.kernel.ids import PersonId, VisitorId
from server.kernel.principal import Principal
from server.notifications import actions as notifications
from server.notifications.actions import (
    DeliveryState,
    Failure,
    MailUse,
    NoticeKind,
    QuietWay,
)
from server.notifications.preferences import QuietHoursInput
from server.people import actions as people
from server.people.models import Person
from tests.fakes.hosted import SYSTEM, Hosted
from tests.fakes.reception import NOW
from tests.services.push_service import Reply, vapid_claims


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
    assert (read["title"], read["lang"]) == (title, language)


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
