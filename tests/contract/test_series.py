"""Series: visits made in one go, and what their guests' calendars hold after whatever happened to them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from server.kernel.errors import Conflict, Invalid
from server.kernel.ids import SeriesId, VisitId
from server.kernel.principal import Principal
from server.places.models import Site
from server.visits import actions, models, series_letters, series_models
from server.visits.actions import NewSeries, NewVisitor, Scope, VisitChange
from server.visits.models import Visit, VisitState
from tests.fakes.calendar_client import CalendarClient, Span
from tests.fakes.reception import NOW, SITE, SYSTEM, Reception

WEEKLY = {"frequency": "weekly", "times": 5}


def new_series(reception: Reception, *emails: str, **wanted: object) -> NewSeries:
    single = reception.new_visit(*emails).model_dump()
    return NewSeries.model_validate({**single, "repeat": WEEKLY} | wanted)


def make(reception: Reception, *emails: str, by: str = "host", **wanted: object) -> list[Visit]:
    with reception.work(by) as work:
        return actions.create_series(work, new_series(reception, *emails, **wanted))


def standing(reception: Reception, series: str | None, email: str = "taro@example.jp") -> set[Span]:
    assert series is not None
    with Session(reception.office.engine) as session:
        found = series_models.dates_of(session, SeriesId(series), email)
        return {
            (visit.starts_at, visit.ends_at)
            for visit, guest in found
            if visit.state is VisitState.CONFIRMED and guest.is_expected
        }


def calendar_of(reception: Reception, email: str = "taro@example.jp") -> CalendarClient:
    client = CalendarClient()
    for mail in reception.mails():
        if email in mail.recipient:
            for part in mail.parts:
                if part.name == "visit.ics":
                    client.take(part.content)
    return client


def change(reception: Reception, visit: Visit, scope: Scope, **wanted: object) -> list[Visit]:
    with reception.work() as work:
        changes = VisitChange.model_validate(wanted)
        return actions.change_dates(work, visit.id, changes, scope)


def cancel(reception: Reception, visit: Visit, scope: Scope) -> None:
    with reception.work() as work:
        actions.cancel_dates(work, visit.id, "", scope)


def test_a_series_is_visits_of_their_own_told_in_one_mail(reception: Reception) -> None:
    made = make(reception)
    assert [each.starts_at - made[0].starts_at for each in made] == [
        timedelta(weeks=number) for number in range(5)
    ]
    guests = [reception.guests_of(each)[0] for each in made]
    assert len({guest.link_hash for guest in guests}) == 5
    assert all(reception.pass_of(guest.id) is not None for guest in guests)
    (mail,) = reception.mails()
    assert mail.subject.startswith("Your 5 visits from 1 April 2026")
    assert [part.name for part in mail.parts] == ["pass.png", "visit.ics"]
    with reception.work() as work:
        assert actions.link_of(work, guests[0]) in mail.text
    client = calendar_of(reception)
    assert client.shows() == standing(reception, made[0].series)
    assert len(client.entries) == 1


def test_ten_o_clock_stays_ten_o_clock_when_clocks_change(reception: Reception) -> None:
    with reception.office.begin(SYSTEM) as work:
        work.session.get_one(Site, SITE).time_zone = "Europe/Berlin"
    zone = ZoneInfo("Europe/Berlin")
    begins = datetime(2026, 10, 12, 10, tzinfo=zone).astimezone(UTC)
    made = make(reception, starts_at=begins, ends_at=begins + timedelta(hours=1))
    assert {each.starts_at.astimezone(zone).hour for each in made} == {10}
    assert {each.starts_at.hour for each in made} == {8, 9}
    assert calendar_of(reception).shows() == standing(reception, made[0].series)


def test_dates_left_out_are_not_made(reception: Reception) -> None:
    made = make(reception, repeat=WEEKLY | {"leave_out": ["2026-04-08"]})
    assert [each.slot for each in made][:2] == ["2026-04-01T15:00", "2026-04-15T15:00"]
    assert calendar_of(reception).shows() == standing(reception, made[0].series)


@pytest.mark.parametrize(
    ("repeat", "field"),
    [
        ({"frequency": "daily", "until": "2026-12-31"}, "repeat.until"),
        ({"frequency": "weekly", "until": "2026-03-01"}, "repeat.until"),
        ({"frequency": "monthly_date", "every": 12, "times": 4}, "repeat.until"),
        (WEEKLY | {"leave_out": ["2026-04-02"]}, "repeat.leave_out"),
    ],
)
def test_a_rule_that_gives_no_series_names_its_field_and_makes_nothing(
    reception: Reception, repeat: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        make(reception, repeat=repeat)
    assert refused.value.errors[0][0] == field
    with Session(reception.office.engine) as session:
        assert session.exec(select(Visit)).all() == []


def test_one_date_moved_is_told_by_itself_and_so_is_one_cancelled(reception: Reception) -> None:
    made = make(reception)
    reception.deliver()
    later = {
        "starts_at": made[1].starts_at + timedelta(days=1),
        "ends_at": made[1].ends_at + timedelta(days=1),
    }
    change(reception, made[1], Scope.THIS, **later)
    reception.deliver()
    cancel(reception, made[2], Scope.THIS)
    mails = reception.mails()
    assert [mail.subject.partition(":")[0] for mail in mails][1:] == ["Changed", "Cancelled"]
    texts = [mail.parts[-1].content.decode() for mail in mails]
    assert "RECURRENCE-ID;TZID=Asia/Tokyo:20260408T150000" in texts[1]
    assert "RRULE" not in texts[1]
    assert "METHOD:CANCEL" in texts[2]
    assert "RECURRENCE-ID;TZID=Asia/Tokyo:20260415T150000" in texts[2]
    assert calendar_of(reception).shows() == standing(reception, made[0].series)


def test_a_change_of_all_dates_is_one_mail_with_the_whole_entry(reception: Reception) -> None:
    made = make(reception)
    reception.deliver()
    hour = timedelta(hours=1)
    change(
        reception,
        made[2],
        Scope.ALL,
        starts_at=made[2].starts_at + hour,
        ends_at=made[2].ends_at + hour,
    )
    _, mail = reception.mails()
    entry = mail.parts[-1].content.decode()
    assert mail.subject.startswith("Changed: your visits")
    assert entry.count("BEGIN:VEVENT") == 1
    assert "DTSTART;TZID=Asia/Tokyo:20260401T160000" in entry
    assert calendar_of(reception).shows() == {
        (each.starts_at + hour, each.ends_at + hour) for each in made
    }


def test_all_cancelled_takes_the_entry_back(reception: Reception) -> None:
    made = make(reception)
    reception.deliver()
    cancel(reception, made[3], Scope.ALL)
    mails = reception.mails()
    assert len(mails) == 2
    assert mails[1].subject.startswith("Cancelled: your visits")
    assert "RECURRENCE-ID" not in mails[1].parts[-1].content.decode()
    assert calendar_of(reception).shows() == set()


def test_this_and_all_later_ones_leave_the_earlier_ones(reception: Reception) -> None:
    made = make(reception)
    cancel(reception, made[3], Scope.LATER)
    change(reception, made[1], Scope.LATER, title="Review")
    with Session(reception.office.engine) as session:
        found = [session.get_one(Visit, each.id) for each in made]
        assert [each.title for each in found[:3]] == ["Kick-off", "Review", "Review"]
        assert [each.state.value for each in found][3:] == ["cancelled", "cancelled"]
    assert calendar_of(reception).shows() == standing(reception, made[0].series)


def test_who_is_added_to_all_dates_gets_one_mail_and_who_is_removed_too(
    reception: Reception,
) -> None:
    made = make(reception, "taro@example.jp", "hana@example.jp")
    taro, _ = reception.guests_of(made[0])
    reception.deliver()
    people = [
        {"id": taro.id, "name": taro.name, "email": taro.email},
        {"name": "Jiro", "email": "jiro@example.jp"},
    ]
    change(reception, made[0], Scope.ALL, visitors=people)
    subjects = [mail.subject.partition(":")[0] for mail in reception.mails()][2:]
    assert sorted(subjects) == ["Cancelled", "Your 5 visits from 1 April 2026"]
    assert calendar_of(reception, "hana@example.jp").shows() == set()
    everything = standing(reception, made[0].series)
    assert calendar_of(reception, "jiro@example.jp").shows() == everything


def test_a_series_is_approved_in_one_go_and_told_in_one_mail(reception: Reception) -> None:
    reception.require_approval()
    made = make(reception)
    assert reception.mails() == []
    with reception.work("security") as work:
        assert len(actions.approve_dates(work, made[2].id, Scope.ALL)) == 5
    assert len(reception.mails()) == 1
    assert len(calendar_of(reception).shows()) == 5


def test_each_later_pass_is_mailed_before_its_date_and_once(reception: Reception) -> None:
    made = make(reception)
    reception.deliver()
    reception.clock.advance(timedelta(days=6, hours=6))
    for _ in range(3):
        with reception.office.begin(SYSTEM) as work:
            series_letters.remind(work)
        reception.deliver()
    first, second = reception.mails()
    assert first.subject.startswith("Your 5 visits")
    assert second.subject.startswith("Your pass for 8 April 2026")
    assert [part.name for part in second.parts] == ["pass.png"]
    guest = reception.guests_of(made[1])[0]
    with reception.work() as work:
        assert actions.link_of(work, guest) in second.text


def test_a_mail_that_still_waits_is_replaced_by_one_that_tells_all(reception: Reception) -> None:
    made = make(reception)
    cancel(reception, made[1], Scope.THIS)
    cancel(reception, made[3], Scope.THIS)
    assert len(reception.mails()) == 1
    assert calendar_of(reception).shows() == standing(reception, made[0].series)


def test_the_phone_that_keeps_one_date_keeps_all_and_another_takes_all(
    reception: Reception,
) -> None:
    made = make(reception)
    guests = [reception.guests_of(each)[0] for each in made]
    with reception.work() as work:
        token = actions.link_of(work, guests[1]).rpartition("/")[2]
    with reception.office.begin(SYSTEM) as work:
        actions.bind_phone(work, token, "first phone", "Chrome")
    with Session(reception.office.engine) as session:
        assert len(models.by_phone(session, "first phone")) == 5
    with reception.office.begin(SYSTEM) as work:
        actions.request_code(work, token)
    code = next(
        each for each in reception.mails()[-1].text.split() if each.isdecimal() and len(each) == 6
    )
    generations = [held.generation for guest in guests if (held := reception.held_by(guest.id))]
    before = len(reception.mails())
    with reception.office.begin(SYSTEM) as work:
        actions.take_over(work, token, code, "second phone", "Safari")
    with Session(reception.office.engine) as session:
        assert len(models.by_phone(session, "second phone")) == 5
        assert models.by_phone(session, "first phone") == []
    now = [held.generation for guest in guests if (held := reception.held_by(guest.id))]
    assert now == [each + 1 for each in generations]
    told = [mail for mail in reception.mails()[before:] if "taro" in mail.recipient]
    assert [mail.subject for mail in told] == ["Your invitation is on another phone now: Kick-off"]


def test_a_replaced_link_replaces_those_of_the_other_dates(reception: Reception) -> None:
    made = make(reception)
    guests = [reception.guests_of(each)[0] for each in made]
    reception.deliver()
    with reception.work() as work:
        tokens = [actions.link_of(work, guest).rpartition("/")[2] for guest in guests]
    with reception.office.begin(SYSTEM) as work:
        actions.bind_phone(work, tokens[0], "wrong hands", "")
    with reception.work() as work:
        actions.replace_link(work, made[2].id, guests[2].id)
    with Session(reception.office.engine) as session:
        assert models.by_phone(session, "wrong hands") == []
        assert all(models.by_link(session, token) is None for token in tokens)
    assert len(reception.mails()) == 2


def test_another_host_changes_none_of_it(reception: Reception) -> None:
    made = make(reception)
    with reception.work("other") as work, pytest.raises(Exception, match="not yours"):
        actions.cancel_dates(work, made[0].id, "", Scope.ALL)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["move", "cancel", "rename", "decline", "expect", "deliver", "wait"]),
        st.integers(0, 4),
        st.sampled_from(list(Scope)),
    ),
    max_size=7,
)


@given(STEPS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_changed_in_whatever_order_the_calendar_holds_what_stands(
    reception: Reception, steps: list[tuple[str, int, Scope]]
) -> None:
    # What the series before left under way goes out first: only their clock was ahead of this one's.
    reception.deliver()
    reception.clock.set(NOW)
    email = f"g{len(reception.mails())}@example.jp"
    made = make(reception, email)
    for number, (what, which, scope) in enumerate(steps, 1):
        act(reception, what, made[which].id, scope, number)
        if what == "deliver" or number == len(steps):
            client = calendar_of(reception, email)
            holds_what_stands(
                client, standing(reception, made[0].series, email), reception.clock.now()
            )


def holds_what_stands(client: CalendarClient, stands: set[Span], now: datetime) -> None:
    """Of what is over a calendar may know nothing, where the mails before could not be sent."""
    shown = client.shows()
    assert shown <= stands
    assert {span for span in stands if span[1] > now} <= shown
    assert len(client.entries) <= 1


def act(reception: Reception, what: str, visit_id: VisitId, scope: Scope, number: int) -> None:
    with Session(reception.office.engine) as session:
        visit = session.get_one(Visit, visit_id)
        (guest,) = models.visitors_of(session, visit_id)
    by = timedelta(minutes=30 * number)
    try:
        match what:
            case "move":
                change(
                    reception,
                    visit,
                    scope,
                    starts_at=visit.starts_at + by,
                    ends_at=visit.ends_at + by,
                )
            case "cancel":
                cancel(reception, visit, scope)
            case "rename":
                change(reception, visit, scope, title=f"Title {number}")
            case "decline":
                with reception.office.begin(Principal.for_visitor(guest.id)) as work:
                    actions.decline_invitation(work, visit.id, guest.id)
            case "expect":
                with reception.work() as work:
                    actions.expect_again(work, visit.id, guest.id)
            case "wait":
                reception.clock.advance(timedelta(days=8))
            case _:
                reception.deliver()
    except (Conflict, Invalid):
        # Some orders ask for what cannot be: to change what was cancelled, or to move into the past.
        return


def test_a_series_can_be_made_with_a_group_and_its_size_is_bounded(reception: Reception) -> None:
    people = [NewVisitor(name="A", email=f"a{number}@example.jp") for number in range(30)]
    repeat = actions.Repeat.model_validate({"frequency": "weekly", "times": 50})
    new = new_series(reception).model_copy(update={"visitors": people, "repeat": repeat})
    with reception.work() as work, pytest.raises(Invalid, match="invitations"):
        actions.create_series(work, new)
