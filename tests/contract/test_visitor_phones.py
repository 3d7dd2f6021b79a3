"""Which phone a visitor's link belongs to: the first that opens it, another one by a mailed code; on both databases."""

import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask

from access_protocol.credential import CredentialClass
from access_protocol.keys import HolderKey
from server.credentials import actions as credentials
from server.credentials import models as issued
from server.kernel.principal import Principal
from server.visits import actions, models
from server.visits.actions import OtherPhone
from server.visits.models import Visitor
from server.visits.phones import CODE_LIFE, CODES_PER_SPAN, MOST_TRIES, SPAN
from tests.fakes.application import application
from tests.fakes.reception import SYSTEM, Reception
from tests.fakes.visitor_phone import VisitorPhone

NOBODY = Principal.anonymous()
REVEALING = ("Kick-off", "Tokyo Office", "Guest 1", "Host", "Sakura", "taro@", "example.jp")


@pytest.fixture
def app(reception: Reception) -> Flask:
    return application(reception.office)


@pytest.fixture
def visitor(reception: Reception) -> Visitor:
    return reception.guests_of(reception.invite())[0]


@pytest.fixture
def path(reception: Reception, visitor: Visitor) -> str:
    return path_of(reception, visitor)


def path_of(reception: Reception, visitor: Visitor) -> str:
    with reception.work() as work:
        found = work.session.get_one(Visitor, visitor.id)
        return "/v/" + actions.link_of(work, found).rpartition("/")[2]


def code_in(reception: Reception) -> str:
    """The code in the mail that came last."""
    found = re.search(r"^ *(\d{6})\s*$", reception.mails()[-1].text, re.MULTILINE)
    assert found, reception.mails()[-1].text
    return found[1]


def ask_for_code(reception: Reception, phone: VisitorPhone) -> str:
    """Have a code sent, and look it up in the visitor's mailbox."""
    phone.get()
    assert phone.post("/code").status_code == 303
    return code_in(reception)


def another(code: str) -> str:
    """A code that is not this one."""
    return f"{(int(code) + 1) % 10**6:06d}"


def test_looking_at_the_link_binds_nothing(
    reception: Reception, app: Flask, path: str, visitor: Visitor
) -> None:
    for _ in range(2):
        assert "Open my invitation" in VisitorPhone(app, path).page()
    with reception.work() as work:
        assert models.phone_of(work.session, visitor.id) is None


def test_the_first_phone_keeps_the_link_and_another_learns_nothing(app: Flask, path: str) -> None:
    assert "You are expected" in VisitorPhone(app, path).open().page()
    answer = VisitorPhone(app, path).get()
    page = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert "open on another phone" in page
    assert not [word for word in REVEALING if word in page]


def test_pressing_the_button_on_a_second_phone_changes_nothing(app: Flask, path: str) -> None:
    second = VisitorPhone(app, path)
    second.get()
    first = VisitorPhone(app, path).open()
    assert second.post("/open").status_code == 403
    assert "You are expected" in first.page()
    assert first.post("/open").status_code == 303


def test_before_it_is_opened_every_other_page_leads_to_the_button(app: Flask, path: str) -> None:
    answer = VisitorPhone(app, path).get("/credential.png")
    assert (answer.status_code, answer.location) == (303, path)
    assert VisitorPhone(app, path).get("/parts", Accept="application/json").status_code == 403


def test_a_script_reads_a_problem_document_and_no_page(app: Flask, path: str) -> None:
    VisitorPhone(app, path).open()
    answer = VisitorPhone(app, path).get("/parts", Accept="application/json")
    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"
    assert VisitorPhone(app, "/v/" + "x" * 43).get("", Accept="application/json").status_code == 404


def test_a_mailed_code_moves_the_link_to_another_phone(
    reception: Reception, app: Flask, path: str, visitor: Visitor
) -> None:
    first, second = VisitorPhone(app, path).open(), VisitorPhone(app, path)
    code = ask_for_code(reception, second)
    told = reception.mails()[-1]
    assert told.recipient == "Guest 1 <taro@example.jp>"
    assert code not in told.subject
    assert second.post("/take-over", code=f" {code} ").status_code == 303
    assert "You are expected" in second.page()
    assert first.get().status_code == 403
    with reception.work() as work:
        binding = models.phone_of(work.session, visitor.id)
        assert binding is not None
        assert binding.moves == 1
    third = VisitorPhone(app, path)
    third.get()
    assert third.post("/take-over", code=code).status_code == 422


def test_what_the_first_phone_could_show_ends_when_another_takes_over(
    reception: Reception, app: Flask, path: str, visitor: Visitor
) -> None:
    key = HolderKey.of(ec.generate_private_key(ec.SECP256R1()).public_key())
    VisitorPhone(app, path).open()
    with reception.office.begin(Principal.for_visitor(visitor.id)) as work:
        credentials.bind(work, visitor.id, key)
    before = reception.pass_of(visitor.id)
    second = VisitorPhone(app, path)
    second.post("/take-over", code=ask_for_code(reception, second))
    with reception.work() as work:
        bound = issued.current_issue(work.session, visitor.id, CredentialClass.BOUND)
        assert bound is None
    after, held = reception.pass_of(visitor.id), reception.held_by(visitor.id)
    assert before is not None
    assert after is not None
    assert held is not None
    assert held.lowest_valid == after.generation > before.generation
    told = reception.mails()[-1]
    assert "another phone" in told.subject
    assert [part for part in told.parts if part.media_type == "image/png"]


def test_a_withdrawn_pass_does_not_come_back_with_another_phone(
    reception: Reception, app: Flask, path: str, visitor: Visitor
) -> None:
    VisitorPhone(app, path).open()
    with reception.work("security") as work:
        credentials.revoke(work, visitor.id)
    second = VisitorPhone(app, path)
    second.post("/take-over", code=ask_for_code(reception, second))
    assert "withdrawn" in second.page()
    assert reception.pass_of(visitor.id) is None


def test_a_code_counts_for_a_few_tries_only(reception: Reception, app: Flask, path: str) -> None:
    VisitorPhone(app, path).open()
    second = VisitorPhone(app, path)
    code = ask_for_code(reception, second)
    for _ in range(MOST_TRIES):
        answer = second.post("/take-over", code=another(code))
        assert answer.status_code == 422
        assert f'value="{another(code)}"' in answer.get_data(as_text=True)
    assert second.post("/take-over", code=code).status_code == 422
    assert second.get().status_code == 403


def test_a_code_counts_for_ten_minutes(reception: Reception, app: Flask, path: str) -> None:
    VisitorPhone(app, path).open()
    second = VisitorPhone(app, path)
    code = ask_for_code(reception, second)
    reception.clock.advance(CODE_LIFE)
    assert "does not count any more" in second.post("/take-over", code=code).get_data(as_text=True)


def test_codes_are_mailed_a_few_times_an_hour(reception: Reception, app: Flask, path: str) -> None:
    VisitorPhone(app, path).open()
    second = VisitorPhone(app, path)
    mailed = {ask_for_code(reception, second) for _ in range(CODES_PER_SPAN)}
    before = len(reception.mails())
    refused = second.post("/code")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert len(reception.mails()) == before
    assert mailed
    reception.clock.advance(SPAN)
    assert second.post("/code").status_code == 303


def test_guessing_on_and_on_makes_whoever_does_it_wait(
    reception: Reception, app: Flask, path: str
) -> None:
    VisitorPhone(app, path).open()
    second = VisitorPhone(app, path)
    for _ in range(CODES_PER_SPAN):
        code = ask_for_code(reception, second)
        for _ in range(MOST_TRIES):
            second.post("/take-over", code=another(code))
    reception.clock.advance(SPAN)
    code = ask_for_code(reception, second)
    second.post("/take-over", code=another(code))
    assert second.post("/take-over", code=code).status_code == 429


def test_the_code_of_one_visitor_opens_nothing_of_another(reception: Reception, app: Flask) -> None:
    visit = reception.invite("taro@example.jp", "hanako@example.jp")
    taro, hanako = (path_of(reception, guest) for guest in reception.guests_of(visit))
    for each in (taro, hanako):
        VisitorPhone(app, each).open()
    code = ask_for_code(reception, VisitorPhone(app, taro))
    thief = VisitorPhone(app, hanako)
    thief.get()
    assert thief.post("/take-over", code=code).status_code == 422


def test_a_replaced_link_leads_to_the_newer_one_which_any_phone_may_open(
    reception: Reception, app: Flask, path: str, visitor: Visitor
) -> None:
    phone = VisitorPhone(app, path).open()
    with reception.work() as work:
        actions.replace_link(work, visitor.visit, visitor.id)
    answer = phone.get()
    assert answer.status_code == 404
    assert "newer invitation" in answer.get_data(as_text=True)
    assert not [word for word in REVEALING if word in answer.get_data(as_text=True)]
    assert "You are expected" in VisitorPhone(app, path_of(reception, visitor)).open().page()


def test_a_link_taken_back_is_answered_like_one_that_never_was(
    reception: Reception, app: Flask
) -> None:
    visit = reception.invite("taro@example.jp", "hanako@example.jp")
    taro, _ = reception.guests_of(visit)
    path = path_of(reception, taro)
    VisitorPhone(app, path).open()
    with reception.work() as work:
        actions.remove_visitor(work, visit.id, taro.id)
    answers = [VisitorPhone(app, each).get() for each in (path, "/v/" + "x" * 43, "/v/nonsense")]
    assert {answer.status_code for answer in answers} == {404}
    pages = {
        re.sub(r'(name="csrf_token"|"return_to") value="[^"]*"', "", answer.get_data(as_text=True))
        for answer in answers
    }
    (page,) = pages
    assert not [word for word in REVEALING if word in page]


def test_one_phone_keeps_the_links_of_several_visits(reception: Reception, app: Flask) -> None:
    later = reception.invite(
        starts_at=reception.clock.now() + timedelta(days=1),
        ends_at=reception.clock.now() + timedelta(days=1, hours=1),
    )
    sooner = reception.invite()
    phone = VisitorPhone(app, path_of(reception, reception.guests_of(later)[0])).open()
    phone.path, phone.csrf = path_of(reception, reception.guests_of(sooner)[0]), ""
    phone.open()
    cookie = phone.http.get_cookie("genkan_phone")
    assert cookie is not None
    assert cookie.http_only
    with reception.office.begin(SYSTEM) as work:
        found = models.by_phone(work.session, cookie.value)
        assert [visit.id for visit, _ in found] == [sooner.id, later.id]
        assert models.by_phone(work.session, "") == []


def test_of_two_phones_at_once_one_keeps_the_link(reception: Reception, path: str) -> None:
    token, secrets = path.rpartition("/")[2], ("a" * 43, "b" * 43)
    with reception.office.begin(NOBODY) as work:
        actions.bind_phone(work, token, secrets[0], "Phone/1.0")
    with reception.office.begin(NOBODY) as work, pytest.raises(OtherPhone):
        actions.bind_phone(work, token, secrets[1], "Phone/2.0")


@pytest.mark.parametrize("cookie", ["", "x", "y" * 500, "z" * 42 + ";", "😀" * 10])
def test_a_cookie_that_cannot_be_ours_is_no_phone(app: Flask, path: str, cookie: str) -> None:
    VisitorPhone(app, path).open()
    stranger = VisitorPhone(app, path)
    stranger.http.set_cookie("genkan_phone", cookie)
    assert stranger.get().status_code == 403


def test_a_walk_in_without_a_mail_address_is_told_whom_to_ask(
    reception: Reception, app: Flask, visitor: Visitor, path: str
) -> None:
    with reception.office.begin(SYSTEM) as work:
        work.session.get_one(Visitor, visitor.id).email = ""
    VisitorPhone(app, path).open()
    other = VisitorPhone(app, path)
    other.get()

    answer = other.post("/code")

    assert answer.status_code == 409
    assert "Please ask your host" in answer.text
