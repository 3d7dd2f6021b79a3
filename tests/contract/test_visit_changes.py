"""What a change of a visit must leave as it is: others' changes, withdrawn credentials, chosen zones."""

import html
import re
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlmodel import Session

from server.credentials import actions as credentials
from server.kernel.errors import Conflict, Forbidden
from server.people import actions as people
from server.people.actions import PersonChange
from server.places.models import Room
from server.visits import actions
from server.visits.actions import NewVisitor, VisitChange
from server.visits.models import Visit
from tests.fakes.application import application
from tests.fakes.reception import SYSTEM, Reception

PASSWORD = "the hall where guests are received"


def visit_now(reception: Reception, visit: Visit) -> Visit:
    with Session(reception.office.engine) as session:
        return session.get_one(Visit, visit.id)


def test_a_withdrawn_credential_does_not_come_back_with_another_time(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    with reception.work("security") as work:
        credentials.revoke(work, guest.id)
    with reception.work() as work:
        later = VisitChange(ends_at=visit.ends_at + timedelta(hours=1))
        actions.change(work, visit.id, later)
    assert reception.pass_of(guest.id) is None
    for again in (actions.mail_again, actions.replace_link):
        with reception.work() as work, pytest.raises(Conflict, match="withdrawn"):
            again(work, visit.id, guest.id)


def test_with_a_visitors_old_link_their_old_credential_ends(reception: Reception) -> None:
    visit = reception.invite()
    (guest,) = reception.guests_of(visit)
    with reception.work() as work:
        actions.replace_link(work, visit.id, guest.id)
    held = reception.held_by(guest.id)
    assert held is not None
    assert (held.generation, held.lowest_valid) == (2, 2)
    assert len(reception.mails()) == 1


def test_what_another_person_changed_meanwhile_is_not_overwritten_unseen(
    reception: Reception,
) -> None:
    visit = reception.invite()
    seen = actions.version_of(visit, reception.guests_of(visit))
    with reception.work("security") as work:
        actions.add_visitors(work, visit.id, [NewVisitor(name="Hana", email="hana@example.jp")])
    with reception.work() as work, pytest.raises(Conflict, match="meanwhile"):
        actions.change(work, visit.id, VisitChange(title="Other", version=seen))
    now = actions.version_of(visit_now(reception, visit), reception.guests_of(visit))
    with reception.work() as work:
        assert actions.change(work, visit.id, VisitChange(title="Other", version=now)).title == (
            "Other"
        )


def test_a_room_that_stays_changes_neither_zones_nor_credentials(reception: Reception) -> None:
    visit = reception.invite(zones=[2, 3])
    (guest,) = reception.guests_of(visit)
    with reception.work("admin") as work:
        work.session.get_one(Room, reception.room).bookable = False
    with reception.work() as work:
        actions.change(work, visit.id, VisitChange(title="Other", room=reception.room))
    assert visit_now(reception, visit).zones == [2, 3]
    held = reception.held_by(guest.id)
    assert held is not None
    assert held.generation == 1


def test_a_form_that_somebody_else_overtook_keeps_what_was_typed_and_can_be_saved_again(
    reception: Reception,
) -> None:
    visit = reception.invite()
    with reception.office.begin(SYSTEM) as work:
        change = PersonChange(password=SecretStr(PASSWORD))
        people.change_person(work, reception.people["host"], change)
    browser = application(reception.office).test_client()
    sent = {"email": "host@genkan.example", "password": PASSWORD}
    token = browser.post("/api/v1/session", json=sent).get_json()["csrf_token"]
    page = f"/panel/visits/{visit.id}/change"
    mine = {"csrf_token": token, "save": "1", "title": "Mine"}
    form = fields_of(browser.get(page).text) | mine
    with reception.work("security") as work:
        actions.change(work, visit.id, VisitChange(title="Theirs"))
    overtaken = browser.post(page, data=form)
    assert overtaken.status_code == 422
    assert "Somebody else changed this visit meanwhile." in overtaken.text
    again = fields_of(overtaken.text)
    assert again["title"] == "Mine"
    assert visit_now(reception, visit).title == "Theirs"
    saved = browser.post(page, data=again | {"csrf_token": token, "save": "1"})
    assert saved.status_code == 303
    now = visit_now(reception, visit)
    assert (now.title, now.starts_at, now.room) == ("Mine", visit.starts_at, visit.room)
    assert len(reception.guests_of(visit)) == 1


def test_a_host_makes_nobody_else_the_host_of_a_visit_but_security_may(
    reception: Reception,
) -> None:
    visit = reception.invite()
    wanted = VisitChange(host=reception.people["other"])
    with pytest.raises(Forbidden), reception.work() as work:
        actions.change(work, visit.id, wanted)
    assert visit_now(reception, visit).host == reception.people["host"]
    with reception.work("security") as work:
        assert actions.change(work, visit.id, wanted).host == reception.people["other"]


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of a form, as it was shown."""
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        values = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if "name" in values:
            found[values["name"]] = html.unescape(values.get("value", ""))
    for name, options in re.findall(
        r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)"[^>]*selected', options)
        found[name] = chosen[1] if chosen else ""
    return found
