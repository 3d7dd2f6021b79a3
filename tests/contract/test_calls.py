"""Calls: who may ring whom and when, what lies in the mailbox and for how long, and what the chat says afterwards."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from access_protocol.wording import Language
from server.conversations import actions as chats
from server.conversations import calls, models
from server.conversations.call_models import Call, CallSignal, CallState
from server.conversations.calls import Candidate, Description, Signal
from server.conversations.models import Conversation
from server.conversations.rules import Side, State
from server.kernel.errors import Conflict, GenkanError, NotFound, TooMany
from server.kernel.ids import CallId
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal
from server.notifications.models import Notice
from tests.fakes.reception import SITE, SYSTEM, Reception

VISITOR_PAGE, HOST_PAGE, OTHER_PAGE = "a" * 32, "b" * 32, "c" * 32
OFFER = Signal(description=Description(type="offer", sdp="v=0\r\n"))
ADDRESS = Signal(candidate=Candidate(candidate="candidate:1 1 udp 1 192.0.2.1 9 typ host"))


class Line:
    """A visitor's page and a host's, between which calls go."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self.visitor = reception.guests_of(reception.invite())[0]
        self.principals = {
            "visitor": Principal.for_visitor(self.visitor.id),
            **{name: reception.as_(name) for name in ("host", "other", "security")},
        }
        with reception.office.begin(self.principals["visitor"]) as work:
            self.id = chats.open_for_visitor(work, self.visitor.id, Language.EN).id

    def moves_to_a_sign(self) -> None:
        """From now on it is between reception and a phone that scanned a "contact us" sign."""
        who = self.principals["visitor"] = chats.stranger(chats.identity("somebody"))
        with self.reception.office.begin(who) as work:
            self.id = chats.open_for_stranger(work, SITE, who.id, Language.EN).id

    def starts(self, who: str = "visitor", page: str = VISITOR_PAGE) -> CallId:
        with self.reception.office.begin(self.principals[who]) as work:
            return calls.start(work, self.id, _side(who), page).id

    def answers(self, call: CallId, who: str = "host", page: str = HOST_PAGE) -> None:
        with self.reception.office.begin(self.principals[who]) as work:
            calls.answer(work, self.id, _side(who), call, page)

    def declines(self, call: CallId, who: str = "host") -> None:
        with self.reception.office.begin(self.principals[who]) as work:
            calls.decline(work, self.id, _side(who), call)

    def hangs_up(self, call: CallId, who: str = "visitor", page: str = VISITOR_PAGE) -> None:
        with self.reception.office.begin(self.principals[who]) as work:
            calls.hang_up(work, self.id, _side(who), call, page)

    def sends(
        self, call: CallId, *signals: Signal, who: str = "visitor", page: str = VISITOR_PAGE
    ) -> None:
        with self.reception.office.begin(self.principals[who]) as work:
            calls.send(work, self.id, _side(who), call, page, signals)

    def attends(self, call: CallId, who: str = "host", page: str = HOST_PAGE) -> None:
        with self.reception.office.begin(self.principals[who]) as work:
            calls.attend(work, self.id, _side(who), call, page)

    def hears(self, who: str = "host", page: str = HOST_PAGE, after: int = 0) -> list[int]:
        """The numbers of the signals that a page is given."""
        with self.reception.office.reading(self.principals[who]) as work:
            seen = calls.seen(work, self.id, _side(who), page, after)
            return [] if seen is None else [each.number for each in seen.signals]

    def passes(self, time: timedelta) -> None:
        self.reception.clock.advance(time)
        with self.reception.office.begin(SYSTEM) as work:
            calls.settle_over_time(work)

    def state(self, call: CallId) -> CallState:
        with Session(self.reception.office.engine) as session:
            return session.get_one(Call, call).state

    @property
    def kept(self) -> int:
        """How many signals lie in the mailbox."""
        with Session(self.reception.office.engine) as session:
            return len(session.exec(select(CallSignal)).all())

    @property
    def now(self) -> Conversation:
        with Session(self.reception.office.engine) as session:
            return session.get_one(Conversation, self.id)

    @property
    def said(self) -> list[str]:
        """What the chat says of calls."""
        with Session(self.reception.office.engine) as session:
            found = models.messages(session, self.id, 100)
            return [chats.words_of(each, Language.EN) for each in found if "call" in str(each.note)]


def _side(who: str) -> Side:
    return {"visitor": Side.VISITOR, "security": Side.RECEPTION}.get(who, Side.HOST)


@pytest.fixture
def line(reception: Reception) -> Line:
    return Line(reception)


def test_a_call_rings_is_answered_and_leaves_its_minutes_in_the_chat(line: Line) -> None:
    call = line.starts()
    assert line.state(call) is CallState.RINGING
    line.answers(call)
    assert line.state(call) is CallState.ACCEPTED
    assert line.now.state is State.HOST, "who answers has taken over"
    for _ in range(6):
        line.passes(timedelta(seconds=30))
        line.attends(call)
    line.hangs_up(call)
    assert line.state(call) is CallState.ENDED
    assert line.said == ["Call, 3 min"]


def test_both_sides_may_begin_and_the_one_rung_may_decline(line: Line) -> None:
    call = line.starts("host", HOST_PAGE)
    line.declines(call, "visitor")
    assert line.state(call) is CallState.DECLINED
    assert line.said == ["Call declined"]
    again = line.starts("host", HOST_PAGE)
    line.declines(again, "host")
    assert line.state(again) is CallState.RINGING, "nobody declines their own call"


def test_after_45_seconds_a_call_is_missed_and_the_visitor_waits_for_a_person(line: Line) -> None:
    call = line.starts()
    line.passes(timedelta(seconds=44))
    assert line.state(call) is CallState.RINGING
    line.passes(timedelta(seconds=1))
    assert line.state(call) is CallState.MISSED
    assert line.said == ["Missed call"]
    assert line.now.waiting_since is not None
    with pytest.raises(Conflict):
        line.answers(call)


def test_whoever_gives_up_ringing_leaves_a_missed_call(line: Line) -> None:
    call = line.starts()
    line.hangs_up(call)
    assert line.state(call) is CallState.MISSED


def test_there_is_one_call_at_a_time(line: Line) -> None:
    call = line.starts()
    with pytest.raises(Conflict):
        line.starts("host", HOST_PAGE)
    line.answers(call)
    with pytest.raises(Conflict):
        line.starts(page=OTHER_PAGE)
    with pytest.raises(Conflict):
        line.answers(call, page=OTHER_PAGE)


def test_a_call_whose_pages_are_silent_for_a_minute_has_ended_and_the_line_is_free(
    line: Line,
) -> None:
    call = line.starts()
    line.answers(call)
    line.passes(timedelta(seconds=50))
    line.attends(call)
    line.passes(timedelta(seconds=50))
    assert line.state(call) is CallState.ACCEPTED
    line.reception.clock.advance(timedelta(seconds=10))
    line.starts()
    assert line.state(call) is CallState.ENDED, "also where no timer came by"


def test_nobody_but_the_two_sides_rings_reads_or_writes(line: Line) -> None:
    stranger = Line(line.reception).principals["visitor"]
    line.principals["stranger"] = stranger
    for who, side in (("other", Side.HOST), ("stranger", Side.VISITOR)):
        with (
            line.reception.office.begin(line.principals[who]) as work,
            pytest.raises(NotFound),
        ):
            calls.start(work, line.id, side, OTHER_PAGE)
    call = line.starts()
    line.answers(call)
    line.sends(call, OFFER)
    steps: list[Callable[[], object]] = [
        lambda: line.hears("other"),
        lambda: line.sends(call, OFFER, who="other", page=HOST_PAGE),
        lambda: line.hangs_up(call, "other", HOST_PAGE),
        lambda: line.declines(call, "other"),
        lambda: line.attends(call, "other"),
    ]
    for step in steps:
        with pytest.raises(NotFound):
            step()
    assert line.state(call) is CallState.ACCEPTED


def test_of_each_side_only_the_page_that_rang_or_answered_reads_and_writes(line: Line) -> None:
    call = line.starts()
    line.answers(call)
    line.sends(call, OFFER, ADDRESS)
    line.sends(call, ADDRESS, who="host", page=HOST_PAGE)
    assert line.hears() == [1, 2]
    assert line.hears(after=1) == [2]
    assert line.hears("visitor", VISITOR_PAGE) == [3]
    assert not line.hears(page=OTHER_PAGE)
    assert not line.hears("visitor", OTHER_PAGE)
    with pytest.raises(NotFound):
        line.sends(call, OFFER, page=OTHER_PAGE)
    with pytest.raises(NotFound):
        line.hangs_up(call, page=OTHER_PAGE)


def test_nothing_is_laid_into_the_mailbox_before_somebody_answers(line: Line) -> None:
    call = line.starts()
    with pytest.raises(Conflict):
        line.sends(call, OFFER)
    assert line.kept == 0


def test_signals_are_gone_after_a_minute_and_with_the_call(line: Line) -> None:
    call = line.starts()
    line.answers(call)
    line.sends(call, OFFER)
    line.reception.clock.advance(timedelta(seconds=59))
    line.attends(call)
    assert line.hears() == [1]
    line.reception.clock.advance(timedelta(seconds=1))
    assert line.hears() == []
    line.passes(timedelta())
    assert line.kept == 0
    line.sends(call, OFFER)
    line.hangs_up(call)
    assert line.kept == 0


def test_a_mailbox_holds_so_much_and_no_more(line: Line) -> None:
    call = line.starts()
    line.answers(call)
    for _ in range(calls.MOST_SIGNALS // calls.MOST_AT_ONCE):
        line.sends(call, *[ADDRESS] * calls.MOST_AT_ONCE)
    with pytest.raises(TooMany):
        line.sends(call, ADDRESS)
    assert line.kept == calls.MOST_SIGNALS


def test_whoever_rings_too_often_is_asked_to_write(line: Line) -> None:
    for _ in range(calls.MOST_CALLS):
        line.declines(line.starts())
    with pytest.raises(TooMany):
        line.starts()
    line.declines(line.starts("host", HOST_PAGE), "visitor")
    line.reception.clock.advance(calls.COUNTED)
    line.starts()


def test_the_host_is_told_once_for_each_call_and_reception_may_answer(line: Line) -> None:
    call = line.starts()
    with Session(line.reception.office.engine) as session:
        notices = session.exec(select(Notice).where(Notice.kind == "call")).all()
        assert [each.path for each in notices] == [f"/host/chat/{line.id}"]
    line.answers(call, "security", OTHER_PAGE)
    assert line.now.state is State.RECEPTION


def test_notices_of_a_call_name_the_visitor_alone_and_say_nothing(line: Line) -> None:
    call = line.starts()
    line.answers(call)
    line.sends(call, OFFER)
    with Session(line.reception.office.engine) as session:
        sent = [each.payload for each in session.exec(select(OutboxRow)).all()]
    assert {"what": "call", "about": line.visitor.id} in sent
    assert "v=0" not in str(sent)


def test_whoever_wrote_from_a_sign_rings_at_reception_and_is_rung_by_it(line: Line) -> None:
    line.moves_to_a_sign()
    call = line.starts()
    with Session(line.reception.office.engine) as session:
        notices = session.exec(select(Notice).where(Notice.kind == "call")).all()
        sent = [each.payload for each in session.exec(select(OutboxRow)).all()]
    told = {line.reception.people["security"]: f"/panel/inbox/{line.id}"}
    assert {each.person: each.path for each in notices} == told
    assert {"what": "call", "about": line.id} in sent
    line.answers(call, "security")
    line.sends(call, OFFER)
    assert line.hears("security") == [1]
    assert line.now.state is State.RECEPTION
    with Session(line.reception.office.engine) as session:
        (notice,) = session.exec(select(Notice).where(Notice.kind == "call")).all()
        assert notice.reacted_at is not None
    line.hangs_up(call)
    assert line.said == ["Call, 1 min"]
    line.declines(line.starts("security", OTHER_PAGE), "visitor")


def test_a_call_from_a_sign_that_nobody_takes_waits_at_reception(line: Line) -> None:
    line.moves_to_a_sign()
    line.hangs_up(line.starts())
    assert line.now.state is State.RECEPTION
    assert line.now.waiting_since == line.reception.clock.now()


def test_no_other_phone_rings_for_whoever_wrote_from_a_sign_and_a_host_neither(line: Line) -> None:
    line.moves_to_a_sign()
    line.principals["stranger"] = chats.stranger(chats.identity("somebody else"))
    for who, side in (("stranger", Side.VISITOR), ("host", Side.HOST)):
        with (
            line.reception.office.begin(line.principals[who]) as work,
            pytest.raises(NotFound),
        ):
            calls.start(work, line.id, side, OTHER_PAGE)


def test_a_conversation_without_any_page_rings_nowhere(line: Line) -> None:
    with line.reception.office.begin(SYSTEM) as work:
        work.session.get_one(Conversation, line.id).visitor = None
    with pytest.raises(Conflict):
        line.starts("security", OTHER_PAGE)


def test_of_two_pages_that_answer_at_once_one_does(line: Line) -> None:
    call = line.starts()
    assert _at_once(
        lambda: line.answers(call, page=HOST_PAGE), lambda: line.answers(call, page=OTHER_PAGE)
    ) == [Conflict]


def test_of_two_sides_that_ring_at_once_one_does(line: Line) -> None:
    assert _at_once(line.starts, lambda: line.starts("host", HOST_PAGE)) == [Conflict]


def test_a_forgotten_visitor_leaves_no_call(line: Line) -> None:
    call = line.starts()
    line.answers(call)
    line.sends(call, OFFER)
    with line.reception.office.begin(SYSTEM) as work:
        chats.forget_visitor(work, line.visitor.id)
    with Session(line.reception.office.engine) as session:
        assert not session.exec(select(Call)).all()
    assert line.kept == 0


def _at_once(*steps: Callable[[], object]) -> list[type[GenkanError]]:
    """Run both at the same moment; return how those that were refused were refused."""
    barrier, refused = threading.Barrier(len(steps)), list[type[GenkanError]]()

    def run(step: Callable[[], object]) -> None:
        barrier.wait(timeout=60)
        try:
            step()
        except GenkanError as error:
            refused.append(type(error))

    threads = [threading.Thread(target=run, args=(step,)) for step in steps]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=120)
    return refused
