"""A host leaves the company: all that was still theirs is a successor's in one transaction, or nothing is."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import Session, col, select

from access_protocol.ids import CredentialId
from access_protocol.keys import HolderKey
from access_protocol.knowledge import ALL_GENERATIONS
from access_protocol.wording import Language
from server.access.feeds import FeedChange
from server.arrivals import walk_ins
from server.arrivals.models import WalkIn
from server.conversations import actions as conversations
from server.conversations.actions import Author, Side, State
from server.conversations.models import Conversation, Message
from server.credentials import actions as credentials
from server.credentials import models as issued
from server.credentials.models import Credential, Standing
from server.kernel.errors import Invalid
from server.kernel.ids import ConversationId, PersonId, VisitorId
from server.kernel.principal import Principal
from server.notifications.actions import NoticeKind
from server.notifications.models import Notice
from server.people import actions as people
from server.people.actions import HostLeft
from server.people.models import Person
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import NewSeries
from server.visits.models import Visit
from tests.contract.test_arrivals_follow_visits import stranger_at
from tests.fakes.hosted import Hosted
from tests.fakes.reception import SITE, Reception


def leave(reception: Reception, person: PersonId, successor: PersonId | None) -> None:
    with reception.work("admin") as work:
        people.deactivate(work, person, successor)


def host_of(reception: Reception, visit: Visit) -> PersonId:
    with reception.work("admin") as work:
        return work.session.get_one(Visit, visit.id).host


def test_visits_to_come_and_the_running_one_are_the_successors_and_passes_stay(
    reception: Reception,
) -> None:
    host, other = reception.people["host"], reception.people["other"]
    later = reception.invite("hanako@example.jp")
    running = reception.invite("taro@example.jp")
    (guest,) = reception.guests_of(running)
    before = reception.pass_of(guest.id)
    reception.clock.advance(timedelta(hours=2))  # it began an hour ago
    reception.deliver()

    leave(reception, host, other)

    assert {host_of(reception, running), host_of(reception, later)} == {other}
    assert reception.pass_of(guest.id) == before
    told = [each for each in reception.mails() if "will receive you" in each.subject]
    to = sorted(each.recipient for each in told)
    assert to == ["Guest 1 <hanako@example.jp>", "Guest 1 <taro@example.jp>"]
    assert all(each.subject.startswith("Other will receive you") for each in told)


def test_a_visit_that_is_over_stays_whose_it_was(reception: Reception) -> None:
    over = reception.invite()
    reception.clock.advance(timedelta(hours=5))
    leave(reception, reception.people["host"], reception.people["other"])
    assert host_of(reception, over) == reception.people["host"]


def test_what_nobody_reacted_to_is_told_to_the_successor(hosted: Hosted) -> None:
    hosted.tell(NoticeKind.ARRIVED)
    leave(hosted.reception, hosted.host, hosted.other)
    assert hosted.notices(hosted.other) == ["arrived"]


def test_who_stood_in_for_others_leaves_that_to_the_successor(reception: Reception) -> None:
    host, other, admin = (reception.people[each] for each in ("host", "other", "admin"))
    with reception.work("admin") as work:
        people.set_deputy(work, admin, host)
        people.set_deputy(work, other, host)
        people.set_deputy(work, host, other)
    leave(reception, host, other)
    with reception.work("admin") as work:
        deputies = {
            each: work.session.get_one(Person, each).deputy for each in (host, other, admin)
        }
    assert deputies == {host: None, other: None, admin: other}


@pytest.mark.parametrize("wrong", ["host", "security", "closed"])
def test_a_successor_is_somebody_else_who_may_receive_visitors(
    reception: Reception, wrong: str
) -> None:
    visit = reception.invite()
    host, other = reception.people["host"], reception.people["other"]
    if wrong == "closed":
        leave(reception, other, None)
    chosen = other if wrong == "closed" else reception.people[wrong]
    with pytest.raises(Invalid, match="successor"):
        leave(reception, host, chosen)
    assert host_of(reception, visit) == host


def test_where_one_part_of_it_fails_nothing_has_moved(reception: Reception) -> None:
    visit = reception.invite()
    reception.deliver()
    host, other = reception.people["host"], reception.people["other"]

    def fails(_work: object, _left: HostLeft) -> None:
        raise RuntimeError("the last of the reactions")

    # It runs after all the others of this event.
    reception.office.reactions.on(HostLeft, fails)
    mails = len(reception.mails())
    with pytest.raises(RuntimeError):
        leave(reception, host, other)
    assert host_of(reception, visit) == host
    with reception.work("admin") as work:
        assert work.session.get_one(Person, host).active
    assert len(reception.mails()) == mails


def test_the_staff_pass_of_who_leaves_is_on_the_gates_list_of_what_is_revoked(
    reception: Reception,
) -> None:
    key = HolderKey.of(ec.generate_private_key(ec.SECP256R1()).public_key())
    with reception.work("admin") as work:
        credentials.allow(work, reception.people["host"], SITE, [2, 3])
    with reception.work("host") as work:
        held = CredentialId(bytes(credentials.bind_staff(work, SITE, key).credential))
    leave(reception, reception.people["host"], reception.people["other"])
    with reception.work("admin") as work:
        found = work.session.get_one(Credential, held)
        assert (found.standing, found.lowest_valid) == (Standing.REVOKED, ALL_GENERATIONS)
        kinds = select(FeedChange.kind).where(col(FeedChange.key) == held)
        assert "revocations" in {str(each) for each in work.session.exec(kinds)}
        assert issued.holders_of(work.session, [held])[held].person == reception.people["host"]


def test_a_stranger_at_the_entrance_is_answered_by_the_successor(reception: Reception) -> None:
    host, other = reception.people["host"], reception.people["other"]
    waiting = stranger_at(reception)
    leave(reception, host, other)
    with reception.work("other") as work:
        assert work.session.get_one(WalkIn, waiting.id).host == other
        walk_ins.refuse(work, waiting.id, walk_ins.WalkInRefusal(reason="Nobody is here"))
    with Session(reception.office.engine) as session:
        assert session.get_one(WalkIn, waiting.id).answered_by == other


@pytest.mark.parametrize("waits", ["visit", "stranger"])
def test_nobody_leaves_while_visitors_are_to_come_unless_somebody_takes_over(
    reception: Reception, waits: str
) -> None:
    host = reception.people["host"]
    visit = reception.invite() if waits == "visit" else None
    stranger = stranger_at(reception) if waits == "stranger" else None
    with pytest.raises(Invalid, match="successor: is needed"):
        leave(reception, host, None)
    with Session(reception.office.engine) as session:
        assert session.get_one(Person, host).active
    with reception.work() as work:
        if visit is not None:
            visits.cancel(work, visit.id)
        if stranger is not None:
            walk_ins.refuse(work, stranger.id, walk_ins.WalkInRefusal(reason="Another day"))
    leave(reception, host, None)


def test_the_chat_goes_on_with_the_successor_and_what_was_said_stays_the_hosts(
    reception: Reception,
) -> None:
    host, other = reception.people["host"], reception.people["other"]
    running, over = reception.invite("taro@example.jp"), reception.invite("hanako@example.jp")
    chats = [_talked(reception, visit) for visit in (running, over)]
    with reception.work() as work:
        conversations.close(work, chats[1])
    with reception.office.begin(Principal.for_visitor(_guest(reception, running))) as work:
        conversations.say(work, chats[0], "And now?", author=Author.VISITOR)

    leave(reception, host, other)

    with reception.work("other") as work:
        found = conversations.find(work, chats[0], Side.HOST)
        assert (found.person, found.state) == (other, State.HOST)
        conversations.say(work, chats[0], "I receive you now.", author=Author.HOST)
    with Session(reception.office.engine) as session:
        spoke = select(Message.person).where(
            Message.conversation == chats[0], Message.author == Author.HOST
        )
        assert session.exec(spoke.order_by(col(Message.number))).all() == [host, other]
        assert session.get_one(Conversation, chats[1]).person == host
        told = select(Notice.path).where(Notice.person == other, Notice.kind == NoticeKind.MESSAGE)
        assert session.exec(told).all() == [f"/host/chat/{chats[0]}"]


def test_a_chat_whose_person_left_without_a_successor_waits_for_nobody_in_particular(
    reception: Reception,
) -> None:
    visit = reception.invite()
    chat = _talked(reception, visit)
    with reception.work("security") as work:
        conversations.take(work, chat)
    leave(reception, reception.people["security"], None)
    with Session(reception.office.engine) as session:
        assert session.get_one(Conversation, chat).person is None


def test_every_date_to_come_of_a_series_is_the_successors_and_told_in_one_mail(
    reception: Reception,
) -> None:
    host, other = reception.people["host"], reception.people["other"]
    single = reception.new_visit("taro@example.jp").model_dump()
    repeat = {"frequency": "weekly", "times": 4}
    with reception.work() as work:
        dates = visits.create_series(work, NewSeries.model_validate({**single, "repeat": repeat}))
    reception.clock.advance(timedelta(days=8))  # two of the four are over
    before = len(reception.mails())

    leave(reception, host, other)

    assert [host_of(reception, each) for each in dates] == [host, host, other, other]
    with Session(reception.office.engine) as session:
        guests = [visit_models.visitors_of(session, each.id)[0] for each in dates[2:]]
    assert all(reception.pass_of(guest.id) is not None for guest in guests)
    told = reception.mails()[before:]
    assert len(told) == 1
    assert "Other" in told[0].text


def _guest(reception: Reception, visit: Visit) -> VisitorId:
    return reception.guests_of(visit)[0].id


def _talked(reception: Reception, visit: Visit) -> ConversationId:
    """A conversation in which the visitor asked and the host answered."""
    guest = _guest(reception, visit)
    with reception.office.begin(Principal.for_visitor(guest)) as work:
        chat = conversations.open_for_visitor(work, guest, Language.EN).id
        conversations.say(work, chat, "Are you there?", author=Author.VISITOR)
    with reception.work() as work:
        conversations.say(work, chat, "I am.", author=Author.HOST)
    return chat
