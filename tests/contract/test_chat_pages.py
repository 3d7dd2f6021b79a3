"""The pages of the chat: plain forms without scripts, files for participants only, and nothing typed that runs."""

import io
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlmodel import Session, select

from server.conversations import actions as chats
from server.conversations.actions import HoursInput
from server.conversations.models import Attachment, Conversation
from server.people.models import Person
from server.people.passwords import hash_password
from server.visits import actions as visits
from tests.fakes.application import application
from tests.fakes.chatting import Chatter, contact_code, list_questions, picture, said
from tests.fakes.client import Client
from tests.fakes.hostile_visitors import wrong_in
from tests.fakes.limits import narrow
from tests.fakes.reception import SITE, SYSTEM, Reception
from tests.fakes.visitor_phone import VisitorPhone

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)> {{7*7}} \"' javascript:alert(3)"


@pytest.fixture
def app(reception: Reception) -> Flask:
    list_questions(reception)
    return application(reception.office)


def _visitor(app: Flask, reception: Reception, language: str = "en") -> Chatter:
    visit = reception.invite()
    with reception.office.begin(SYSTEM) as work:
        path = urlsplit(visits.link_of(work, reception.guests_of(visit)[0])).path
    phone = VisitorPhone(app, path).open()
    chatter = Chatter(app, f"{path}/chat", language)
    chatter.http = phone.http
    return chatter


def _signed_in(app: Flask, reception: Reception, name: str, path: str) -> Chatter:
    with reception.office.begin(SYSTEM) as work:
        work.session.get_one(Person, reception.people[name]).password_hash = HASH
    browser = Chatter(app, path)
    browser.http = Client(app, PASSWORD).sign_in(name).http
    return browser


def _stranger(app: Flask, code: str) -> Chatter:
    return Chatter(app, f"/c/{code}")


def _host_path(reception: Reception) -> str:
    with Session(reception.office.engine) as session:
        return f"/host/chat/{session.exec(select(Conversation)).one().id}"


def _file_path(reception: Reception) -> str:
    with Session(reception.office.engine) as session:
        return f"/files/{session.exec(select(Attachment)).one().id}"


def test_visitor_and_host_write_to_each_other_with_plain_forms(
    app: Flask, reception: Reception
) -> None:
    visitor = _visitor(app, reception)
    assert "Questions?" in visitor.http.get(str(PurePosixPath(visitor.path).parent)).text
    assert "How do I get on the Wi-Fi?" in visitor.get().text
    assert "Choose Genkan-Guest." in visitor.say("wifi password").text
    assert "I am asking a person for you" in visitor.say("I lost my scarf").text
    host = _signed_in(app, reception, "host", "/host/chat")
    assert "3 new messages" not in (listed := host.get().text)
    assert "2 new messages" in listed
    host.path = _host_path(reception)
    assert "I lost my scarf" in host.get().text
    assert "I have it here." in host.say("I have it here.").text
    page = visitor.get().text
    assert "I have it here." in page
    assert "Read" in page
    assert "How do I get on the Wi-Fi?" not in page, "a person has taken over"
    assert "Read" in host.get().text


def test_the_visit_page_counts_what_is_unread(app: Flask, reception: Reception) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    visitor.say("I lost my scarf")
    host = _signed_in(app, reception, "host", _host_path(reception))
    host.get()
    host.say("I have it here.")
    page = str(PurePosixPath(visitor.path).parent)
    assert "1 new message" in visitor.http.get(page).text
    visitor.get("/thread", **{"HX-Request": "true"})
    assert "1 new message" in visitor.http.get(page).text, "nobody looked at it"
    visitor.get("/thread", **{"HX-Request": "true", "X-Seen": "1"})
    assert "1 new message" not in visitor.http.get(page).text


def test_a_question_is_pressed_and_a_person_asked_for(app: Flask, reception: Reception) -> None:
    visitor = _visitor(app, reception, "ja")
    page = visitor.get().text
    question = page.split('name="ask" value="')[1].split('"')[0]
    assert "Genkan-Guestをお選びください。" in visitor.say(ask=question).text
    visitor.say(person="yes")
    assert said(reception)[-1] == ("system", "asked_host")


def test_the_same_form_sent_twice_is_one_message(app: Flask, reception: Reception) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    key = visitor.key
    visitor.say("wifi password")
    visitor.say("wifi password", key=key)
    assert len(said(reception)) == 3


def test_a_refused_file_keeps_what_was_typed_and_says_why(app: Flask, reception: Reception) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    answer = visitor.say("Here is my drawing", ("plan.zip", b"PK\x03\x04 and so on"))
    assert answer.status_code == 422
    assert "is an archive or office document" in answer.text
    assert "Here is my drawing" in answer.text
    assert len(said(reception)) == 1
    many = [(f"{number}.png", picture()) for number in range(5)]
    assert "At most 4 files" in visitor.say("", *many).text


def test_files_are_for_participants_and_nothing_in_them_runs(
    app: Flask, reception: Reception
) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    visitor.say("", ("plan.pdf", b"%PDF-1.7\n<script>\n%%EOF"))
    below = _file_path(reception)
    host = _signed_in(app, reception, "host", _host_path(reception))
    for browser in (visitor, host):
        answer = browser.get(below)
        assert answer.status_code == 200
        assert answer.mimetype == "application/pdf"
        assert answer.headers["Content-Disposition"] == "attachment; filename=plan.pdf"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    other = _signed_in(app, reception, "other", _host_path(reception))
    assert other.get(below).status_code == 404
    nobody = Chatter(app, visitor.path)
    assert nobody.get(below).status_code in {403, 404}
    second = _stranger(app, contact_code(reception))
    second.get()
    assert second.get(below).status_code == 404


def test_hostile_words_and_names_stay_text_on_both_sides(app: Flask, reception: Reception) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    visitor.say(NASTY, ('"><script>alert(1)</script>.png', picture()))
    visitor.http.post(
        f"{visitor.path}/me", data={"csrf_token": visitor.csrf, "nickname": NASTY[:40]}
    )
    host = _signed_in(app, reception, "host", _host_path(reception))
    for page in (visitor.get().text, host.get().text, host.http.get("/host/chat").text):
        assert not wrong_in(page)
        assert "<script>alert" not in page


def test_a_stranger_writes_from_a_sign_and_is_known_again_by_the_phone_alone(
    app: Flask, reception: Reception
) -> None:
    code = contact_code(reception)
    phone = _stranger(app, code)
    assert "Write to us" in phone.get().text
    assert "Reception has been told" in phone.say("I found a wallet").text
    assert "I found a wallet" in phone.get().text
    another = _stranger(app, code)
    assert "I found a wallet" not in another.get().text
    with Session(reception.office.engine) as session:
        found = session.exec(select(Conversation)).all()
    assert len(found) == 2
    assert all(len(each.stranger or "") == 64 for each in found)


def test_a_phone_at_a_sign_rings_at_reception_and_the_inbox_says_so(
    app: Flask, reception: Reception
) -> None:
    stranger = _stranger(app, contact_code(reception))
    assert "Call Reception" in stranger.get().text
    stranger.say("Hello?")
    asked = {"do": "start", "page": "a" * 32}
    csrf = {"X-CSRF-Token": stranger.csrf}
    rings = stranger.http.post(f"{stranger.path}/call", json=asked, headers=csrf)
    assert rings.get_json()["call"]["state"] == "ringing"
    desk = _signed_in(app, reception, "security", "/panel/inbox")
    assert "Is calling" in desk.get("?show=open").text
    page = urlsplit(_host_path(reception)).path.rpartition("/")[2]
    assert 'data-do="answer"' in desk.get(f"/{page}").text


def test_outside_the_office_hours_a_sign_takes_words_and_no_calls(
    app: Flask, reception: Reception
) -> None:
    with reception.office.begin(SYSTEM) as work:
        chats.set_hours(work, SITE, HoursInput(days={}))
    stranger = _stranger(app, contact_code(reception))
    page = stranger.get().text
    assert "Call Reception" not in page
    assert "Write to us" in page


def test_who_keeps_no_cookies_is_told_so_and_an_old_sign_says_that_it_is(
    app: Flask, reception: Reception
) -> None:
    code = contact_code(reception)
    bare = app.test_client(use_cookies=False)
    assert bare.get(f"/c/{code}").status_code == 303
    assert "keeps no cookies" in bare.get(f"/c/{code}?again=1").text
    assert "This sign is old" in bare.get("/c/AAAAAA").text


def test_nickname_avatar_and_photo_are_taken_and_shown_to_the_host(
    app: Flask, reception: Reception
) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    visitor.say("I lost my scarf")
    answer = visitor.http.post(
        f"{visitor.path}/me",
        data={"csrf_token": visitor.csrf, "nickname": "Ta-kun", "avatar": "fish"},
    )
    assert answer.status_code == 303
    host = _signed_in(app, reception, "host", _host_path(reception))
    page = host.get().text
    assert "Ta-kun" in page
    assert "#avatar-fish" in page
    data = {
        "csrf_token": visitor.csrf,
        "nickname": "",
        "picture": (io.BytesIO(picture()), "me.png"),
    }
    assert visitor.http.post(f"{visitor.path}/me", data=data).status_code == 303
    shown = host.get().text.split('class="portrait" src="')[1].split('"')[0]
    assert host.http.get(shown).mimetype == "image/jpeg"
    wrong = {"csrf_token": visitor.csrf, "picture": (io.BytesIO(b"%PDF-"), "me.png")}
    assert "Please choose a photo" in visitor.http.post(f"{visitor.path}/me", data=wrong).text


def test_a_name_that_is_too_long_is_refused_by_its_field_and_kept(
    app: Flask, reception: Reception
) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    typed = "Maximilian " * 12
    sent = {"csrf_token": visitor.csrf, "nickname": typed}
    refused = visitor.http.post(f"{visitor.path}/me", data=sent)
    assert refused.status_code == 422
    assert "at most 100 characters" in refused.text
    assert typed.strip() in refused.text


def test_who_sends_more_pictures_than_we_can_look_into_keeps_their_words(
    app: Flask, reception: Reception
) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    narrow(app, 0.1)
    refused = visitor.say("Here they are", *[("a.png", picture())] * 4)
    assert refused.status_code == 422
    assert "Please wait a minute" in refused.text
    assert "Here they are" in refused.text
    assert len(said(reception)) == 1


def test_the_host_passes_gives_back_and_closes_by_buttons(app: Flask, reception: Reception) -> None:
    visitor = _visitor(app, reception)
    visitor.get()
    visitor.say("I lost my scarf")
    host = _signed_in(app, reception, "host", _host_path(reception))
    host.get()
    for wanted, note in (
        ("reception", "passed_to_reception"),
        ("bot", "given_back"),
        ("close", "closed"),
    ):
        host.say(do=wanted)
        assert said(reception)[-1] == ("system", note)
    other = _signed_in(app, reception, "other", _host_path(reception))
    assert other.get().status_code == 404
