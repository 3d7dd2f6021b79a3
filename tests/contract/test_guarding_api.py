"""Lockdown, amnesty, double entries and phones' credentials over HTTP; on both databases."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import Session, select
from werkzeug.test import TestResponse

from access_protocol import credential as protocol
from server.visits.models import Visitor
from tests.fakes.api import NOBODY, Api, body_of


@pytest.fixture(scope="module")
def guest(api: Api) -> Visitor:
    """A visitor with a credential."""
    visit = api.reception.invite()
    with Session(api.reception.office.engine) as session:
        return session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()


def jwk(phone: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = phone.public_key().public_numbers()
    x, y = (
        base64.urlsafe_b64encode(part.to_bytes(32, "big")).rstrip(b"=").decode()
        for part in (numbers.x, numbers.y)
    )
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def fields(answer: TestResponse) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [each["field"] for each in body_of(answer)["errors"]]


def test_a_key_is_bound_once_and_signs_what_is_presented(api: Api, guest: Visitor) -> None:
    phone = ec.generate_private_key(ec.SECP256R1())
    path = f"/visitors/{guest.id}/credential/bound"
    answer = api.ask("host", "POST", path, {"jwk": jwk(phone)})
    assert answer.status_code == 201, answer.text
    made = body_of(answer)
    assert made["credential_class"] == "bound"
    message = bytes.fromhex(made["message"])
    full = protocol.present(message, phone, api.reception.clock.now())
    assert protocol.read(protocol.to_text(full)).credential == message
    assert body_of(api.ask("host", "POST", path, {"jwk": jwk(phone)})) == made


def test_a_bad_key_is_refused_by_the_name_of_its_field(api: Api, guest: Visitor) -> None:
    path = f"/visitors/{guest.id}/credential/bound"
    good = jwk(ec.generate_private_key(ec.SECP256R1()))
    assert fields(api.ask("host", "POST", path, {})) == ["jwk"]
    assert fields(api.ask("host", "POST", path, {"jwk": {**good, "crv": "P-384"}})) == ["jwk.crv"]
    assert fields(api.ask("host", "POST", path, {"jwk": {**good, "d": good["x"]}})) == ["jwk.d"]
    assert fields(api.ask("host", "POST", path, {"jwk": {**good, "y": good["x"]}})) == ["jwk"]
    assert fields(api.ask("host", "POST", path, {"point": "AAAA"})) == ["point"]


def test_hosts_bind_for_their_guests_and_others_do_not(api: Api, guest: Visitor) -> None:
    path = f"/visitors/{guest.id}/credential/bound"
    key = {"jwk": jwk(ec.generate_private_key(ec.SECP256R1()))}
    assert api.ask("host", "POST", path, key).status_code == 201
    assert api.ask("other", "POST", path, key).status_code == 403
    assert api.ask(NOBODY, "POST", path, key).status_code == 401
    shown = api.read(f"/visitors/{guest.id}/credential?credential_class=bound")
    assert shown["credential_class"] == "bound"


def test_a_refreshed_credential_is_only_given_while_the_visit_is_on(
    api: Api, guest: Visitor
) -> None:
    path = f"/visitors/{guest.id}/credential/refreshed"
    assert api.ask("host", "POST", path).status_code in {201, 409}
    assert api.ask("other", "POST", path).status_code == 403


def lasting(api: Api) -> list[dict[str, Any]]:
    return api.read("/lockdowns")["items"]


def test_a_lockdown_is_made_listed_and_released_by_who_may(api: Api) -> None:
    path, why = "/sites/TYO/lockdowns", {"reason": "Alarm", "zone": 2}
    assert api.ask("host", "POST", path, why).status_code == 403
    assert fields(api.ask("security", "POST", path, {"zone": 2})) == ["reason"]
    assert fields(api.ask("security", "POST", path, {**why, "zone": 9})) == ["zone"]
    made = api.ask("security", "POST", path, why)
    assert made.status_code == 201
    assert api.ask("security", "POST", path, why).status_code == 409
    (shown,) = lasting(api)
    assert (shown["zone"], shown["reason"], shown["released_at"]) == (2, "Alarm", None)
    release = f"/lockdowns/{body_of(made)['id']}/release"
    assert api.ask("host", "POST", release, {"reason": "Over"}).status_code == 403
    assert body_of(api.ask("security", "POST", release, {"reason": "Over"}))["released_at"]
    assert lasting(api) == []


def test_entries_are_forgiven_by_who_may_and_what_is_not_there_is_named(
    api: Api, guest: Visitor
) -> None:
    path = "/sites/TYO/amnesties"
    assert api.ask("host", "POST", path, {"reason": "Drill"}).status_code == 403
    assert fields(api.ask("security", "POST", path, {"reason": "Drill", "zone": 9})) == ["zone"]
    wish = {"reason": "Unread exit", "zone": 2, "visitor": guest.id}
    made = api.ask("security", "POST", path, wish)
    assert made.status_code == 201
    assert body_of(made)["credential"] == guest.credential.hex()


def test_double_entries_are_listed_for_guards(api: Api) -> None:
    assert api.read("/access/conflicts") == {"items": [], "next_cursor": None}
    assert api.ask("host", "GET", "/access/conflicts").status_code == 403
    unknown = f"/access/conflicts/{'0' * 32}/acknowledgement"
    assert api.ask("security", "POST", unknown, {"note": ""}).status_code == 404


def test_a_zone_takes_its_anti_passback_over_the_api(api: Api) -> None:
    path = "/sites/TYO/zones/3"
    zone = {"name": "Rooms", "anti_passback": "hard"}
    assert fields(api.ask("admin", "PUT", path, zone)) == ["anti_passback"]
    put = api.ask("admin", "PUT", path, {**zone, "forgiven_after_min": 60})
    assert put.status_code in {200, 201}
    assert body_of(put)["forgiven_after_min"] == 60
