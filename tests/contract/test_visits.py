"""A visit's life with everything that follows from it, on SQLite and on PostgreSQL."""

from datetime import timedelta

import icalendar
import pytest
from sqlmodel import Session, select

from access_protocol.ids import SiteCode
from access_protocol.knowledge import ALL_GENERATIONS
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.ids import RoomId, VisitId, VisitorId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Principal
from server.visits import actions
from server.visits.actions import (
    MailState,
    NewVisitor,
    VisitChange,
    VisitFilter,
    VisitorChange,
    VisitState,
)
from server.visits.models import Visit, Visitor
from tests.fakes.reception import NOW, Reception

FIRST = PageQuery(limit=50)


def visit_now(reception: Reception, visit: Visit) -> Visit:
    with Session(reception.office.engine) as session:
        return session.get_one(Visit, visit.id)


def entry_in(parts: tuple[object, ...]) -> tuple[str, icalendar.Event]:
    content = next(part for part in parts if getattr(part, "name", "") == "visit.ics")
    calendar = icalendar.Calendar.from_ical(getattr(content, "content", b""))
    assert isinstance(calendar, icalendar.Calendar)
    return str(calendar["METHOD"]), calendar.events[0]


def test_everyone_invited_gets_a_credential_and_a_mail_with_it(reception: Reception) -> None:
    visit = reception.invite("taro@example.jp", "hanako@example.jp")
    assert visit.state is VisitState.CONFIRMED
    one, other = reception.guests_of(visit)
    held = reception.pass_of(one.id)
    assert held is not None
    assert (held.id, held.zones) == (one.credential, (1, 2, 3))
    assert held.not_before <= visit.starts_at < visit.ends_at <= held.expires
    assert one.credential != other.credential
    assert one.link_hash != other.link_hash
    assert reception.subjects() == ["Your visit on 1 April 2026"] * 2
    assert {each.recipient for each in reception.mails()} == {
        "Guest 1 <taro@example.jp>",
        "Guest 2 <hanako@example.jp>",
    }
    assert {guest.mail for guest in reception.guests_of(visit)} == {MailState.SENT}


def test_another_time_means_another_credential_and_a_mail_that_says_so(
    reception: Reception,
) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    first = reception.pass_of(guest.id)
    reception.deliver()
    with reception.work() as work:
        later = VisitChange(
            starts_at=visit.starts_at + timedelta(days=1), ends_at=visit.ends_at + timedelta(days=1)
        )
        actions.change(work, visit.id, later)
    second = reception.pass_of(guest.id)
    assert first is not None
    assert second is not None
    assert second.generation == first.generation + 1
    assert second.not_before == first.not_before + timedelta(days=1)
    before, after = reception.mails()
    assert after.subject.startswith("Changed: your visit on 2 April 2026")
    (_, old), (method, new) = entry_in(before.parts), entry_in(after.parts)
    assert method == "REQUEST"
    assert old["UID"] == new["UID"]
    assert int(str(old["SEQUENCE"])) < int(str(new["SEQUENCE"]))


def test_another_title_is_mailed_and_leaves_the_credential_as_it_is(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    first = reception.pass_of(guest.id)
    reception.deliver()
    with reception.work() as work:
        actions.change(work, visit.id, VisitChange(title="Second thoughts"))
    assert reception.pass_of(guest.id) == first
    assert "Second thoughts" in reception.mails()[1].subject


def test_a_change_that_changes_nothing_bothers_nobody(reception: Reception) -> None:
    visit = reception.invite()
    reception.deliver()
    with reception.work() as work:
        actions.change(work, visit.id, VisitChange(title=visit.title, room=visit.room))
    assert len(reception.mails()) == 1
    assert visit_now(reception, visit).sequence == 0


def test_a_cancelled_visit_revokes_every_credential_and_tells_everyone(
    reception: Reception,
) -> None:
    visit = reception.invite("taro@example.jp", "hanako@example.jp")
    guests = reception.guests_of(visit)
    reception.deliver()
    with reception.work() as work:
        actions.cancel(work, visit.id, "The room is flooded.")
    for guest in guests:
        held = reception.held_by(guest.id)
        assert held is not None
        assert held.lowest_valid == ALL_GENERATIONS
    told = reception.mails()[2:]
    assert [entry_in(each.parts)[0] for each in told] == ["CANCEL", "CANCEL"]
    assert "The room is flooded." in told[0].text
    assert "/v/" not in told[0].text
    with reception.work() as work, pytest.raises(Conflict, match="cancelled"):
        actions.change(work, visit.id, VisitChange(title="Back"))


def test_a_mail_that_still_waits_gives_way_to_the_newer_one(reception: Reception) -> None:
    visit = reception.invite()
    with reception.work() as work:
        actions.cancel(work, visit.id)
    assert [subject.split()[0] for subject in reception.subjects()] == ["Cancelled"]


def test_who_is_taken_off_the_list_is_told_and_the_others_are_not(reception: Reception) -> None:
    visit = reception.invite("taro@example.jp", "hanako@example.jp")
    taro, hanako = reception.guests_of(visit)
    reception.deliver()
    with reception.work() as work:
        link = actions.link_of(work, work.session.get_one(Visitor, taro.id))
        actions.remove_visitor(work, visit.id, taro.id)
    assert reception.pass_of(taro.id) is None
    assert reception.pass_of(hanako.id) is not None
    (told,) = reception.mails()[2:]
    assert told.recipient == "Guest 1 <taro@example.jp>"
    with reception.work() as work, pytest.raises(NotFound):
        actions.opened_by(work, link.rpartition("/")[2], "")


def test_the_last_visitor_stays_unless_the_visit_is_cancelled(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    with reception.work() as work, pytest.raises(Conflict, match="Cancel the visit"):
        actions.remove_visitor(work, visit.id, guest.id)


def test_another_address_is_another_guest(reception: Reception) -> None:
    visit = reception.invite("tarp@example.jp")
    (mistyped,) = reception.guests_of(visit)
    reception.deliver()
    with reception.work() as work:
        actions.change_visitor(
            work, visit.id, mistyped.id, VisitorChange(email="taro@example.jp", company="KK")
        )
    (guest,) = reception.guests_of(visit)
    assert (guest.name, guest.company) == (mistyped.name, "KK")
    assert guest.credential != mistyped.credential
    assert reception.pass_of(mistyped.id) is None
    assert reception.pass_of(guest.id) is not None
    assert [each.recipient.split("<")[1] for each in reception.mails()[1:]] == [
        "tarp@example.jp>",
        "taro@example.jp>",
    ]


def test_another_name_keeps_credential_and_link(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    with reception.work() as work:
        actions.change_visitor(work, visit.id, guest.id, VisitorChange(name="Tarō"))
    (renamed,) = reception.guests_of(visit)
    assert (renamed.id, renamed.name, renamed.link_hash) == (guest.id, "Tarō", guest.link_hash)


def test_people_can_be_added_and_nobody_twice(reception: Reception) -> None:
    visit = reception.invite("taro@example.jp")
    with reception.work() as work:
        actions.add_visitors(work, visit.id, [NewVisitor(name="Hanako", email="hanako@example.jp")])
    assert len(reception.guests_of(visit)) == 2
    with reception.work() as work, pytest.raises(Invalid, match="twice"):
        actions.add_visitors(work, visit.id, [NewVisitor(name="T", email="TARO@example.jp")])
    assert len(reception.guests_of(visit)) == 2


def test_a_visit_without_a_room_leads_into_no_room(reception: Reception) -> None:
    visit = reception.invite(room=None)
    assert visit.zones == [1, 2]


def test_zones_may_be_named_and_must_exist(reception: Reception) -> None:
    visit = reception.invite(room=None, zones=[1])
    (guest,) = reception.guests_of(visit)
    held = reception.pass_of(guest.id)
    assert held is not None
    assert held.zones == (1,)
    with pytest.raises(Invalid, match="no zone 9"):
        reception.invite(zones=[9])


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"room": RoomId("0" * 32)}, "room"),
        ({"site": SiteCode("OSA")}, "site"),
        ({"starts_at": NOW - timedelta(hours=2)}, "starts_at"),
        (
            {"starts_at": NOW + timedelta(days=400), "ends_at": NOW + timedelta(days=401)},
            "starts_at",
        ),
        ({"ends_at": NOW + timedelta(minutes=30)}, "ends_at"),
        ({"ends_at": NOW + timedelta(days=15)}, "ends_at"),
        ({"host": "f" * 32}, "host"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_leaves_nothing(
    reception: Reception, wanted: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        reception.invite(by="security", **({"host": reception.people["host"]} | wanted))
    assert [each.field for each in refused.value.errors] == [field]
    with Session(reception.office.engine) as session:
        assert not session.exec(select(Visit)).all()
    assert not reception.mails()


def test_a_visit_under_way_may_be_made_longer(reception: Reception) -> None:
    visit = reception.invite()
    reception.clock.set(visit.starts_at + timedelta(hours=1))
    with reception.work() as work:
        longer = actions.change(
            work, visit.id, VisitChange(ends_at=visit.ends_at + timedelta(hours=1))
        )
    assert longer.ends_at == visit.ends_at + timedelta(hours=1)
    reception.clock.set(longer.ends_at)
    with reception.work() as work, pytest.raises(Conflict, match="over"):
        actions.cancel(work, visit.id)


def test_hosts_see_and_change_their_own_visits_only(reception: Reception) -> None:
    visit = reception.invite()
    with reception.work("other") as work:
        assert not actions.find(work, FIRST, VisitFilter()).items
        with pytest.raises(NotFound):
            actions.get(work, visit.id)
        with pytest.raises(NotFound):
            actions.cancel(work, visit.id)
        with pytest.raises(Forbidden):
            actions.create(work, reception.new_visit(host=reception.people["host"]))
    with reception.work("security") as work:
        assert [each.id for each in actions.find(work, FIRST, VisitFilter()).items] == [visit.id]
        assert actions.cancel(work, visit.id).state is VisitState.CANCELLED


def test_a_host_whose_account_is_closed_cannot_be_chosen(reception: Reception) -> None:
    nobody = Principal.for_person(reception.people["host"], [])
    with reception.office.begin(nobody) as work, pytest.raises(Forbidden):
        actions.create(work, reception.new_visit())


def test_where_security_approves_nobody_is_invited_before(reception: Reception) -> None:
    reception.require_approval()
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    assert visit.state is VisitState.PENDING
    assert reception.held_by(guest.id) is None
    assert not reception.mails()
    with reception.work() as work, pytest.raises(Forbidden):
        actions.approve(work, visit.id)
    with reception.work("security") as work:
        approved = actions.approve(work, visit.id)
    assert (approved.state, approved.decided_by) == (
        VisitState.CONFIRMED,
        reception.people["security"],
    )
    assert reception.pass_of(guest.id) is not None
    assert reception.subjects() == ["Your visit on 1 April 2026"]


def test_a_declined_visit_is_told_to_its_host_and_to_nobody_else(reception: Reception) -> None:
    reception.require_approval()
    visit = reception.invite()
    with reception.work("security") as work:
        actions.decline(work, visit.id, "Too many guests today.")
    (told,) = reception.mails()
    assert told.recipient == "Host <host@genkan.example>"
    assert "Too many guests today." in told.text
    with reception.work("security") as work, pytest.raises(Conflict):
        actions.approve(work, visit.id)


def test_what_was_approved_cannot_be_widened_by_its_host(reception: Reception) -> None:
    reception.require_approval()
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    with reception.work("security") as work:
        actions.approve(work, visit.id)
    reception.deliver()
    with reception.work() as work:
        changed = actions.change(
            work, visit.id, VisitChange(ends_at=visit.ends_at + timedelta(days=2))
        )
    assert changed.state is VisitState.PENDING
    assert reception.pass_of(guest.id) is None
    with reception.work("security") as work:
        actions.approve(work, visit.id)
    held = reception.pass_of(guest.id)
    assert held is not None
    assert held.generation > 1
    assert [subject.split()[0] for subject in reception.subjects()] == ["Your", "Changed"]


def test_security_itself_needs_no_approval(reception: Reception) -> None:
    reception.require_approval()
    visit = reception.invite(by="security", host=reception.people["host"])
    assert visit.state is VisitState.CONFIRMED


def test_a_link_is_stored_in_no_readable_form_and_can_be_replaced(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    with reception.work() as work:
        link = actions.link_of(work, work.session.get_one(Visitor, guest.id))
    token = link.rpartition("/")[2]
    assert len(token) >= 43
    assert token.encode() not in guest.sealed_link
    assert token not in guest.link_hash
    with reception.office.reading(Principal.anonymous()) as work:
        assert actions.opened_by(work, token, "")[1].id == guest.id
    with reception.work() as work:
        actions.replace_link(work, visit.id, guest.id)
    with reception.office.reading(Principal.anonymous()) as work, pytest.raises(NotFound):
        actions.opened_by(work, token, "")
    assert token not in reception.mails()[-1].text


def test_a_list_in_pages_shows_each_visit_once(reception: Reception) -> None:
    made = {reception.invite(f"guest{number}@example.jp").id for number in range(7)}
    for latest_first in (False, True):
        seen: list[VisitId] = []
        query = PageQuery(limit=3)
        with reception.work() as work:
            while True:
                page = actions.find(work, query, VisitFilter(latest_first=latest_first))
                seen += [visit.id for visit in page.items]
                if page.next_cursor is None:
                    break
                query = PageQuery(limit=3, cursor=page.next_cursor)
        assert len(seen) == len(made)
        assert set(seen) == made


def test_a_list_is_narrowed_by_what_it_is_asked_for(reception: Reception) -> None:
    early = reception.invite("taro@example.jp", title="Early")
    late = reception.invite(
        "hanako@example.jp",
        title="100% late",
        room=None,
        starts_at=NOW + timedelta(days=2),
        ends_at=NOW + timedelta(days=3),
    )
    with reception.work() as work:
        actions.cancel(work, late.id)
    wanted = {
        early.id: [
            VisitFilter(search="TARO"),
            VisitFilter(room=reception.room),
            VisitFilter(state=VisitState.CONFIRMED),
            VisitFilter(starts_before=NOW + timedelta(days=1)),
        ],
        late.id: [
            VisitFilter(search="0% l"),
            VisitFilter(state=VisitState.CANCELLED),
            VisitFilter(ends_after=NOW + timedelta(days=1)),
        ],
    }
    with reception.work() as work:
        for visit, filters in wanted.items():
            for each in filters:
                assert [found.id for found in actions.find(work, FIRST, each).items] == [visit]
        assert not actions.find(work, FIRST, VisitFilter(search="_")).items


def test_a_mail_that_cannot_be_delivered_shows_at_the_visitor(reception: Reception) -> None:
    visit = reception.invite()
    reception.clock.set(visit.ends_at)
    reception.deliver()
    (guest,) = reception.guests_of(visit)
    assert guest.mail is MailState.FAILED


def test_an_unknown_visitor_is_not_found(reception: Reception) -> None:
    visit = reception.invite()
    with reception.work() as work:
        for act in (actions.remove_visitor, actions.replace_link, actions.mail_again):
            with pytest.raises(NotFound):
                act(work, visit.id, VisitorId("0" * 32))
