"""People are added on the panel: by a form that keeps what was typed, and a link with which they set a password."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlmodel import Session, select
from werkzeug.test import TestResponse

from server.app import create_app
from server.people import actions as people
from server.people import models
from server.people.actions import GroupInput, Role
from server.people.joining import LINK_LIFE
from server.people.models import Person
from server.people.passwords import hash_password
from tests.fakes.client import Client
from tests.fakes.reception import SITE, SYSTEM, Reception

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
NEW_PASSWORD = "seven quiet paper lanterns"
AIKO = {"name": "Mori Aiko", "email": "Aiko@genkan.example", "language": "ja", "roles": "host"}


class Browser:
    """A browser that sends the forms of pages."""

    def __init__(self, app: Flask) -> None:
        self.http = app.test_client()

    def sends(self, path: str, **fields: str) -> TestResponse:
        page = self.http.get(path).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        return self.http.post(path, data={"csrf_token": found[1] if found else "", **fields})


@pytest.fixture
def app(reception: Reception) -> Flask:
    return create_app(reception.office.settings, reception.office)


@pytest.fixture
def admin(app: Flask, reception: Reception) -> Browser:
    return _signed_in(app, reception, "admin")


def _signed_in(app: Flask, reception: Reception, name: str) -> Browser:
    with reception.office.begin(SYSTEM) as work:
        work.session.get_one(Person, reception.people[name]).password_hash = HASH
    browser = Browser(app)
    browser.http = Client(app, PASSWORD).sign_in(name).http
    return browser


def _link(reception: Reception) -> str:
    mail = reception.mails()[-1]
    assert mail.recipient == "Mori Aiko <aiko@genkan.example>"
    found = re.search(r"https?://\S+", mail.text)
    assert found is not None
    return urlsplit(found[0]).path


def _aiko(reception: Reception) -> Person | None:
    with Session(reception.office.engine) as session:
        return models.by_email(session, "aiko@genkan.example")


def test_who_is_added_sets_a_password_by_the_mailed_link_and_signs_in(
    app: Flask, reception: Reception, admin: Browser
) -> None:
    with reception.work("admin") as work:
        group = people.create_group(work, SITE, GroupInput(name="Care"))
        with_others = people.create_group(
            work, SITE, GroupInput(name="Drinks", members=[reception.people["host"]])
        )
    sent = admin.http.post(
        "/panel/people/new",
        data={**AIKO, "groups": [group.id, with_others.id], "csrf_token": _csrf(admin)},
    )
    assert sent.status_code == 303
    aiko = _aiko(reception)
    assert aiko is not None
    assert (aiko.name, aiko.language, aiko.password_hash) == ("Mori Aiko", "ja", None)
    with Session(reception.office.engine) as session:
        assert models.roles_of(session, aiko.id) == {Role.HOST}
        assert [each.name for each in models.members_of(session, group.id)] == ["Mori Aiko"]
        assert len(models.members_of(session, with_others.id)) == 2
    link, phone = _link(reception), Browser(app)
    assert "aiko@genkan.example" in phone.http.get(link).text
    short = phone.sends(link, password="short")
    assert (short.status_code, "12" in short.text) == (422, True)
    done = phone.sends(link, password=NEW_PASSWORD)
    assert done.headers["Location"].endswith("/panel/sign-in")
    assert Client(app, NEW_PASSWORD).sign_in("aiko").call("GET", "/me").status_code == 200
    assert phone.http.get(link).status_code == 404, "it works once"


def test_what_was_typed_stays_where_something_is_wrong(
    reception: Reception, admin: Browser
) -> None:
    wrong = admin.sends("/panel/people/new", **{**AIKO, "email": "aiko"})
    assert wrong.status_code == 422
    assert 'value="Mori Aiko"' in wrong.text
    assert 'value="aiko"' in wrong.text
    assert "This is not an e-mail address" in wrong.text
    nothing = admin.sends("/panel/people/new", **{**AIKO, "name": "", "roles": ""})
    assert nothing.status_code == 422
    assert 'value="Aiko@genkan.example"' in nothing.text
    taken = admin.sends("/panel/people/new", **{**AIKO, "email": "host@genkan.example"})
    assert taken.status_code == 409
    assert "There is already an account with this e-mail address." in taken.text
    assert 'value="host@genkan.example"' in taken.text
    assert _aiko(reception) is None
    assert reception.mails() == []


def test_only_whoever_manages_people_adds_them_or_sends_links(
    app: Flask, reception: Reception
) -> None:
    guard = _signed_in(app, reception, "security")
    assert guard.http.get("/panel/people/new").status_code == 403
    csrf = {"csrf_token": _csrf(guard)}
    assert guard.http.post("/panel/people/new", data={**AIKO, **csrf}).status_code == 403
    host = reception.people["host"]
    assert guard.http.post(f"/panel/people/{host}/link", data=csrf).status_code == 403
    assert "/panel/people/new" not in guard.http.get("/panel/people").text
    assert reception.mails() == []


def test_a_link_ends_after_its_days_with_the_next_one_and_with_the_account(
    app: Flask, reception: Reception, admin: Browser
) -> None:
    admin.sends("/panel/people/new", **AIKO)
    aiko = _aiko(reception)
    assert aiko is not None
    first, anybody = _link(reception), Browser(app)
    admin.http.post(f"/panel/people/{aiko.id}/link", data={"csrf_token": _csrf(admin)})
    second = _link(reception)
    assert anybody.http.get(first).status_code == 404
    reception.clock.advance(LINK_LIFE - timedelta(seconds=1))
    assert anybody.http.get(second).status_code == 200
    reception.clock.advance(timedelta(seconds=1))
    assert anybody.http.get(second).status_code == 404
    admin = _signed_in(app, reception, "admin")
    admin.http.post(f"/panel/people/{aiko.id}/link", data={"csrf_token": _csrf(admin)})
    third = _link(reception)
    with reception.work("admin") as work:
        people.deactivate(work, aiko.id)
    assert anybody.http.get(third).status_code == 404


def test_a_link_is_kept_as_a_hash_and_ends_the_sessions_of_the_password_before(
    app: Flask, reception: Reception, admin: Browser
) -> None:
    host = _signed_in(app, reception, "host")
    path = f"/panel/people/{reception.people['host']}/link"
    admin.http.post(path, data={"csrf_token": _csrf(admin)})
    (mail,) = reception.mails()
    found = re.search(r"https?://\S+", mail.text)
    assert found is not None
    link = urlsplit(found[0]).path
    with Session(reception.office.engine) as session:
        every = session.exec(select(Person)).all()
        assert link.rpartition("/")[2] not in str([each.model_dump() for each in every])
    assert host.http.get("/panel/account").status_code == 200
    assert Browser(app).sends(link, password=NEW_PASSWORD).status_code == 303
    assert host.http.get("/panel/account").status_code == 303


def test_a_program_invites_and_sends_a_link_again(app: Flask, reception: Reception) -> None:
    with reception.office.begin(SYSTEM) as work:
        work.session.get_one(Person, reception.people["admin"]).password_hash = HASH
    client = Client(app, PASSWORD).sign_in("admin")
    body = {"name": "Mori Aiko", "email": "aiko@genkan.example", "invite": True}
    made = client.call("POST", "/people", body)
    assert made.status_code == 201
    first = _link(reception)
    path = f"/people/{client.json(made)['id']}/password-link"
    assert client.call("POST", path).status_code == 204
    assert _link(reception) != first


def _csrf(browser: Browser) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.http.get("/panel/account").text)
    assert found is not None
    return found[1]
