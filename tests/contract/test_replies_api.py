"""What visitors read and say, as JSON; on both databases."""

from typing import Any

import pytest
from sqlmodel import Session, select

from server.kernel.principal import Principal
from server.visits import actions
from server.visits.actions import NeedsInput, NewCompanion, NewWish
from server.visits.models import Visitor
from tests.fakes.api import Api, body_of

RULES = {"ja": "禁煙", "en": "No smoking", "zh": "禁烟"}


@pytest.fixture
def guest(api: Api) -> Visitor:
    visit = api.reception.invite()
    with Session(api.reception.office.engine) as session:
        return session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()


def replies(api: Api, guest: Visitor) -> dict[str, Any]:
    return api.read(f"/visits/{guest.visit}/replies")


def test_a_document_is_written_listed_and_withdrawn(api: Api) -> None:
    path = "/sites/TYO/documents/nda"
    assert api.ask("security", "PUT", path, RULES).status_code == 403
    refused = api.ask("admin", "PUT", path, RULES | {"zh": ""})
    assert [each["field"] for each in body_of(refused)["errors"]] == ["zh"]
    assert body_of(api.ask("admin", "PUT", path, RULES))["version"] == 1
    assert body_of(api.ask("admin", "PUT", path, RULES))["version"] == 2
    (listed,) = api.read("/sites/TYO/documents")["items"]
    assert (listed["kind"], listed["version"], listed["in_force"]) == ("nda", 2, True)
    assert api.ask("admin", "DELETE", path).status_code == 204
    assert api.ask("admin", "DELETE", path).status_code == 404
    assert api.ask("admin", "PUT", "/sites/TYO/documents/menu", RULES).status_code == 422


def test_what_a_site_tells_its_visitors_is_replaced_as_a_whole(api: Api) -> None:
    path = "/sites/TYO/welcome"
    wanted = {"directions": {"en": "Exit 4"}, "bring": {}, "most_companions": 2}
    assert api.ask("host", "PUT", path, wanted).status_code == 403
    assert api.ask("admin", "PUT", path, wanted | {"most_companions": 99}).status_code == 422
    assert api.ask("admin", "PUT", path, wanted).status_code == 200
    shown = api.read(path)
    assert (shown["directions"], shown["most_companions"]) == ({"en": "Exit 4"}, 2)
    assert shown["companions_need_host"] is True
    assert api.ask("admin", "PUT", "/sites/ZZZ/welcome", wanted).status_code == 404


def test_what_visitors_say_is_read_and_answered(api: Api, guest: Visitor) -> None:
    with api.reception.office.begin(Principal.for_visitor(guest.id)) as work:
        actions.note_needs(work, guest.visit, guest.id, NeedsInput(needs="A seat"))
        actions.wish(work, guest.visit, guest.id, NewWish(message="Later, please"))
        new = NewCompanion(name="Hanako", email="hanako@example.jp")
        actions.bring(work, guest.visit, guest.id, new)
    said = replies(api, guest)
    assert said["visitors"][0]["needs"] == "A seat"
    (wish,), (companion,) = said["wishes"], said["companions"]
    path = f"/visits/{guest.visit}"
    for below in (f"/wishes/{wish['id']}/answer", f"/companions/{companion['id']}/answer"):
        assert api.ask("other", "POST", path + below, {"accept": True}).status_code == 404
        assert api.ask("host", "POST", path + below, {}).status_code == 422
        accepted = api.ask("host", "POST", path + below, {"accept": True})
        assert body_of(accepted)["state"] == "accepted"
        assert api.ask("host", "POST", path + below, {"accept": True}).status_code == 409
    assert len(api.read(path)["visitors"]) == 2


def test_who_declined_is_expected_again(api: Api, guest: Visitor) -> None:
    with api.reception.office.begin(Principal.for_visitor(guest.id)) as work:
        actions.decline_invitation(work, guest.visit, guest.id)
    assert api.read(f"/visits/{guest.visit}")["visitors"][0]["declined_at"]
    path = f"/visits/{guest.visit}/visitors/{guest.id}/expect"
    assert api.ask("other", "POST", path).status_code == 404
    assert api.ask("host", "POST", path).status_code == 204
    assert api.read(f"/visits/{guest.visit}")["visitors"][0]["declined_at"] is None
