"""What the page of the pass asks the server for, and what it is refused, on both databases."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from werkzeug.test import TestResponse

from access_protocol import credential as protocol
from server.credentials import actions as credentials
from server.visits import actions as visits
from server.visits import models
from server.visits.actions import link_of
from server.visits.models import Visit, Visitor
from tests.fakes.application import application
from tests.fakes.reception import Reception
from tests.fakes.visitor_phone import VisitorPhone


@pytest.fixture
def app(reception: Reception) -> Flask:
    return application(reception.office)


def invited(reception: Reception) -> tuple[Visit, Visitor, str]:
    visit = reception.invite()
    (visitor,) = reception.guests_of(visit)
    with reception.work() as work:
        link = link_of(work, work.session.get_one(models.Visitor, visitor.id))
    return visit, visitor, "/v/" + link.rpartition("/")[2]


def opened(app: Flask, path: str) -> VisitorPhone:
    phone = VisitorPhone(app, path)
    phone.open()
    return phone


def jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    point = key.public_key().public_numbers()
    x, y = (
        base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
        for number in (point.x, point.y)
    )
    return {"jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}}


def state(phone: VisitorPhone) -> dict[str, Any]:
    answer = phone.get("/pass/state")
    assert answer.status_code == 200
    return answer.get_json()


def test_the_phone_that_opened_the_link_gets_a_credential_bound_to_its_key(
    reception: Reception, app: Flask
) -> None:
    _, visitor, path = invited(reception)
    phone, key = opened(app, path), ec.generate_private_key(ec.SECP256R1())
    assert state(phone)["bound"] is None
    answer = phone.send("/pass/key", jwk(key))
    assert answer.status_code == 201
    bound = state(phone)["bound"]
    assert bound == answer.get_json()
    credential = base64.urlsafe_b64decode(bound["credential"] + "==")
    shown = protocol.present(credential, key, reception.office.clock.now())
    assert protocol.read(protocol.to_text(shown)).credential == credential
    held = reception.pass_of(visitor.id)
    assert held is not None
    assert phone.send("/pass/key", jwk(key)).get_json() == bound  # again the same


@pytest.mark.parametrize("below", ["/pass", "/pass/state", "/manifest.webmanifest"])
def test_another_phone_sees_nothing_of_the_pass(
    reception: Reception, app: Flask, below: str
) -> None:
    _, visitor, path = invited(reception)
    opened(app, path)
    answer = VisitorPhone(app, path).get(below)
    assert answer.status_code == 403
    assert visitor.name not in answer.text


def test_before_the_invitation_is_opened_the_pass_leads_to_its_button(
    reception: Reception, app: Flask
) -> None:
    _, _, path = invited(reception)
    answer = VisitorPhone(app, path).get("/pass")
    assert (answer.status_code, answer.location) == (303, path)


@pytest.mark.parametrize("below", ["/pass/key", "/pass/refreshed"])
def test_another_phone_and_another_sites_page_get_no_credential(
    reception: Reception, app: Flask, below: str
) -> None:
    _, _, path = invited(reception)
    key = jwk(ec.generate_private_key(ec.SECP256R1()))
    phone = opened(app, path)
    assert VisitorPhone(app, path).send(below, key).status_code == 403
    assert (
        phone.http.post(path + below, json=key).status_code == 403
    )  # without the token of the page
    assert state(phone)["bound"] is None


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"jwk": {"kty": "EC"}}, {"jwk": "x"}, {"point": "AA"}],
)
def test_what_is_no_key_is_refused_and_changes_nothing(
    reception: Reception, app: Flask, body: object
) -> None:
    _, _, path = invited(reception)
    phone = opened(app, path)
    answer = phone.send("/pass/key", body)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert state(phone)["bound"] is None


def test_what_is_too_large_for_a_key_is_not_read(reception: Reception, app: Flask) -> None:
    _, _, path = invited(reception)
    assert opened(app, path).send("/pass/key", {"point": "A" * 20_000}).status_code == 413


def test_a_key_with_its_private_part_is_refused(reception: Reception, app: Flask) -> None:
    _, _, path = invited(reception)
    body = jwk(ec.generate_private_key(ec.SECP256R1()))
    body["jwk"]["d"] = body["jwk"]["x"]
    assert opened(app, path).send("/pass/key", body).status_code == 422


def test_the_state_follows_the_visit(reception: Reception, app: Flask) -> None:
    visit, visitor, path = invited(reception)
    phone = opened(app, path)
    assert state(phone)["standing"] == "expected"
    assert state(phone)["static"].startswith(protocol.PREFIX)
    with reception.work() as work:
        credentials.revoke(work, visitor.id)
    assert state(phone)["standing"] == "withdrawn"
    assert state(phone)["static"] is None
    with reception.work() as work:
        visits.cancel(work, visit.id)
    assert state(phone)["standing"] == "cancelled"


def test_who_declined_holds_no_pass_until_they_come_after_all(
    reception: Reception, app: Flask
) -> None:
    _, _, path = invited(reception)
    phone = opened(app, path)
    phone.send("/pass/key", jwk(ec.generate_private_key(ec.SECP256R1())))
    phone.post("/decline")
    assert state(phone)["standing"] == "declined"
    assert state(phone)["bound"] is None


def test_after_the_visit_and_its_hour_of_grace_the_pass_is_over(
    reception: Reception, app: Flask
) -> None:
    visit, _, path = invited(reception)
    phone = opened(app, path)
    reception.clock.set(visit.ends_at + timedelta(minutes=59))
    assert state(phone)["standing"] == "expected"
    reception.clock.set(visit.ends_at + timedelta(hours=1))
    assert state(phone)["standing"] == "over"
    answer = phone.send("/pass/key", jwk(ec.generate_private_key(ec.SECP256R1())))
    assert answer.status_code == 409


def test_the_worker_is_asked_for_again_and_knows_its_files_by_their_content(app: Flask) -> None:
    http = app.test_client()
    answer: TestResponse = http.get("/v/service-worker.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.text == http.get("/v/service-worker.js").text
    files = answer.text.split('"files": [')[1].split("]")[0].replace('"', "").split(", ")
    assert len(files) == len(set(files)) > 8
    for file in files:
        with http.get(file) as found:
            assert found.status_code == 200
