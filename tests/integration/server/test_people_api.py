"""Accounts, sign-in and API tokens, over HTTP and on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlmodel import select

from server.kernel import throttle
from server.kernel.audit import AuditLine
from server.kernel.clock import FixedClock
from server.kernel.errors import Invalid
from server.kernel.principal import Principal
from server.kernel.throttle import Throttle
from server.kernel.work import Office
from server.people import actions as people
from server.people.actions import FAILURES_PER_ADDRESS
from server.people.rules import Role
from tests.fakes.client import Client

WRONG = {"email": "host@genkan.example", "password": "not the password"}


def test_whoever_signs_in_learns_who_they_are_and_what_they_may_do(client: Client) -> None:
    me = client.json(client.sign_in("security").call("GET", "/me"))
    assert me["person"]["roles"] == [Role.SECURITY]
    assert "doors:command" in me["rights"]
    assert "people:manage" not in me["rights"]
    assert "report" not in client.json(client.sign_in("administrator").call("GET", "/me"))["rights"]


def test_an_address_is_the_same_in_capitals(client: Client) -> None:
    answer = client.http.post(
        "/api/v1/session",
        json={"email": " HOST@genkan.example ", "password": "correct horse battery"},
    )
    assert answer.status_code == 200


def test_nobody_learns_from_the_answer_which_accounts_exist(client: Client) -> None:
    known = client.http.post("/api/v1/session", json=WRONG)
    unknown = client.http.post("/api/v1/session", json={**WRONG, "email": "x@genkan.example"})
    assert (known.status_code, unknown.status_code) == (422, 422)
    assert known.text == unknown.text


def test_guessing_a_password_is_slowed_down_and_says_for_how_long(
    client: Client, clock: FixedClock
) -> None:
    for _ in range(5):
        assert client.http.post("/api/v1/session", json=WRONG).status_code == 422
    blocked = client.http.post("/api/v1/session", json=WRONG)
    assert blocked.status_code == 429
    assert int(blocked.headers["Retry-After"]) >= 1
    clock.advance(timedelta(minutes=15))
    client.sign_in("host")
    assert FAILURES_PER_ADDRESS > 5


def test_a_change_with_a_cookie_but_without_the_token_is_refused(client: Client) -> None:
    client.sign_in("administrator").headers = {}
    answer = client.call("POST", "/people", {"email": "a@example.jp", "name": "A"})
    assert answer.status_code == 403
    assert "X-CSRF-Token" in client.json(answer)["detail"]


def test_after_signing_out_the_cookie_is_worth_nothing(client: Client) -> None:
    client.sign_in("host")
    cookie = client.http.get_cookie("genkan_session")
    assert cookie is not None
    assert client.call("DELETE", "/session").status_code == 204
    client.http.set_cookie("genkan_session", cookie.value)
    assert client.call("GET", "/me").status_code == 401


def test_an_unused_session_ends(client: Client, clock: FixedClock) -> None:
    client.sign_in("host")
    clock.advance(timedelta(hours=11))
    assert client.call("GET", "/me").status_code == 200
    clock.advance(timedelta(hours=11))
    assert client.call("GET", "/me").status_code == 200
    clock.advance(timedelta(hours=12))
    assert client.call("GET", "/me").status_code == 401


def test_a_session_ends_after_a_week_however_much_it_is_used(
    client: Client, clock: FixedClock
) -> None:
    client.sign_in("host")
    for _ in range(7):
        clock.advance(timedelta(hours=11))
        client.call("GET", "/me")
        clock.advance(timedelta(hours=11))
        client.call("GET", "/me")
    clock.advance(timedelta(hours=14))
    assert client.call("GET", "/me").status_code == 401


def test_every_bad_field_is_named(client: Client) -> None:
    client.sign_in("administrator")
    bad = {"email": "nobody", "name": "a\nb", "roles": ["king"], "language": "xx"}
    answer = client.call("POST", "/people", bad)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    fields = {each["field"].partition(".")[0] for each in client.json(answer)["errors"]}
    assert fields == {"email", "name", "roles", "language"}


def test_a_body_that_is_not_json_is_refused(client: Client) -> None:
    client.sign_in("administrator")
    answer = client.http.post("/api/v1/people", data="{", headers=client.headers)
    assert answer.status_code == 422
    assert client.json(answer)["errors"][0]["field"] == "body"


def test_a_short_password_is_refused_with_the_reason(client: Client) -> None:
    client.sign_in("administrator")
    body = {"email": "a@example.jp", "name": "A", "password": "short"}
    errors = client.json(client.call("POST", "/people", body))["errors"]
    assert errors[0]["field"] == "password"
    assert "12" in errors[0]["why"]


def test_an_address_has_one_account(client: Client) -> None:
    client.sign_in("administrator")
    body = {"email": "Host@Genkan.example", "name": "A"}
    assert client.call("POST", "/people", body).status_code == 409


def test_closing_an_account_ends_its_sessions_and_tokens(client: Client) -> None:
    client.sign_in("host")
    token = client.json(
        client.call("POST", "/tokens", {"name": "script", "scopes": ["visits:invite"]})
    )
    host = client.json(client.call("GET", "/me"))["person"]["id"]
    theirs = client.http.get_cookie("genkan_session")
    assert theirs is not None
    client.sign_in("administrator")
    closed = client.call("PATCH", f"/people/{host}", {"active": False})
    assert client.json(closed)["active"] is False
    client.http.delete_cookie("genkan_session")
    with_token = {"Authorization": f"Bearer {token['secret']}"}
    assert client.http.get("/api/v1/me", headers=with_token).status_code == 401
    client.http.set_cookie("genkan_session", theirs.value)
    assert client.http.get("/api/v1/me").status_code == 401


def test_the_last_administrator_stays(client: Client) -> None:
    client.sign_in("administrator")
    own = client.json(client.call("GET", "/me"))["person"]["id"]
    assert client.call("PATCH", f"/people/{own}", {"active": False}).status_code == 409
    assert client.call("PATCH", f"/people/{own}", {"roles": ["host"]}).status_code == 409


def test_a_host_may_change_their_own_name_and_nothing_of_others(client: Client) -> None:
    client.sign_in("host")
    own = client.json(client.call("GET", "/me"))["person"]["id"]
    renamed = client.call("PATCH", f"/people/{own}", {"name": "山田 葵"})
    assert client.json(renamed)["name"] == "山田 葵"
    assert client.call("PATCH", f"/people/{own}", {"roles": ["administrator"]}).status_code == 403
    assert client.call("GET", "/people").status_code == 403


def test_a_token_acts_within_its_scopes_and_its_secret_is_shown_once(client: Client) -> None:
    client.sign_in("administrator")
    made = client.json(
        client.call("POST", "/tokens", {"name": "script", "scopes": ["people:read"], "days": 1})
    )
    listed = client.json(client.call("GET", "/tokens"))["items"][0]
    assert "secret" not in listed
    fresh = client.app.test_client()
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    assert fresh.get("/api/v1/people", headers=bearer).status_code == 200
    refused = fresh.post(
        "/api/v1/people", json={"email": "a@example.jp", "name": "A"}, headers=bearer
    )
    assert refused.status_code == 403
    assert "people:manage" in client.json(refused)["detail"]
    client.call("DELETE", f"/tokens/{made['id']}")
    assert fresh.get("/api/v1/people", headers=bearer).status_code == 401


def test_a_token_expires(client: Client, clock: FixedClock) -> None:
    client.sign_in("administrator")
    body = {"name": "script", "scopes": ["people:read"], "days": 1}
    made = client.json(client.call("POST", "/tokens", body))
    clock.advance(timedelta(days=1))
    answer = client.app.test_client().get(
        "/api/v1/people", headers={"Authorization": f"Bearer {made['secret']}"}
    )
    assert answer.status_code == 401
    assert "expired" in client.json(answer)["detail"]


def test_nobody_makes_a_token_that_may_more_than_they_may(client: Client) -> None:
    client.sign_in("host")
    answer = client.call("POST", "/tokens", {"name": "script", "scopes": ["people:manage"]})
    assert client.json(answer)["errors"][0]["field"] == "scopes"


def test_lists_come_in_pages(client: Client) -> None:
    client.sign_in("administrator")
    first = client.json(client.call("GET", "/people?limit=2"))
    rest = client.json(client.call("GET", f"/people?limit=2&cursor={first['next_cursor']}"))
    assert len(first["items"]) == 2
    assert rest["next_cursor"] is None
    answer = client.call("GET", "/people?limit=0")
    assert client.json(answer)["errors"][0]["field"] == "limit"


def test_a_token_neither_changes_its_owners_password_nor_makes_more_tokens(client: Client) -> None:
    client.sign_in("administrator")
    me = client.json(client.call("GET", "/me"))["person"]["id"]
    body = {"name": "script", "scopes": ["access:read"], "days": 1}
    secret = client.json(client.call("POST", "/tokens", body))["secret"]
    stranger = Client(client.app, "")
    stranger.headers = {"Authorization": f"Bearer {secret}"}
    change = {"password": "a password of the thief's"}
    assert stranger.call("PATCH", f"/people/{me}", change).status_code == 403
    assert stranger.call("POST", "/tokens", {**body, "days": None}).status_code == 403


def test_a_wrong_address_costs_as_much_as_a_wrong_password(client: Client, office: Office) -> None:
    client.http.post("/api/v1/session", json=WRONG)
    client.http.post("/api/v1/session", json={**WRONG, "email": "x@genkan.example"})
    with office.reading(Principal.system()) as work:
        lines = work.session.exec(select(AuditLine).where(AuditLine.what == "SignInFailed")).all()
    assert len(lines) == 2
    assert sorted(bool(line.about) for line in lines) == [False, True]


def test_an_address_with_a_control_character_is_nobodys(client: Client) -> None:
    answer = client.http.post("/api/v1/session", json={**WRONG, "email": "ho\0st@genkan.example"})
    assert answer.status_code == 422


def test_people_who_sign_in_from_one_address_at_once_do_not_stand_in_each_others_way(
    office: Office, client: Client
) -> None:
    assert client.app is not None
    meet = Barrier(4)

    def try_it(number: int) -> str:
        meet.wait(120)
        try:
            people.sign_in(office, f"n{number}@genkan.example", "wrong", address="192.0.2.1")
        except Invalid:
            return "refused"
        return "let in"

    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            assert set(threads.map(try_it, range(4))) == {"refused"}
            with office.begin(Principal.system()) as work:
                throttle.succeeded(work, "sign-in-from:192.0.2.1")


def test_old_failures_are_forgotten(client: Client, office: Office, clock: FixedClock) -> None:
    client.http.post("/api/v1/session", json=WRONG)
    clock.advance(timedelta(hours=25))
    with office.begin(Principal.system()) as work:
        throttle.forget_old(work)
        assert work.session.exec(select(Throttle)).all() == []
