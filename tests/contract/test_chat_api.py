"""Conversations and the bot's list in the API: for hosts what is theirs, for reception everything."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from access_protocol.wording import Language
from server.conversations import actions as chats
from server.conversations.actions import Author
from server.kernel.principal import Principal
from tests.fakes.application import application
from tests.fakes.chatting import list_questions
from tests.fakes.reception import Reception


class Api:
    """Calls the API for the people of a reception."""

    def __init__(self, app: Flask, reception: Reception) -> None:
        self.http, self.reception = app.test_client(), reception

    def call(self, who: str, method: str, path: str, body: object = None) -> TestResponse:
        token = {"Authorization": f"Bearer {self.reception.token_of(who)}"}
        return self.http.open(f"/api/v1{path}", method=method, json=body, headers=token)


@pytest.fixture
def api(reception: Reception) -> Api:
    list_questions(reception)
    return Api(application(reception.office), reception)


def test_a_host_reads_answers_and_passes_on_what_is_theirs(api: Api) -> None:
    visitor = api.reception.guests_of(api.reception.invite())[0].id
    with api.reception.office.begin(Principal.for_visitor(visitor)) as work:
        found = chats.open_for_visitor(work, visitor, Language.JA).id
        chats.say(work, found, "My luggage was stolen", author=Author.VISITOR)
    listed = api.call("host", "GET", "/conversations").json
    assert listed is not None
    assert [each["id"] for each in listed["items"]] == [found]
    path = f"/conversations/{found}"
    for _ in range(2):
        answer = api.call("host", "POST", f"{path}/messages", {"text": "I come", "key": "a"})
        assert answer.status_code == 201
    said = api.call("host", "GET", path).get_json()["messages"]
    assert [each["author"] for each in said] == ["bot", "visitor", "bot", "system", "host"]
    turned = api.call("host", "PUT", f"{path}/turn", {"state": "reception"}).get_json()
    assert turned["conversation"]["state"] == "reception"
    spoke = api.call("security", "POST", f"{path}/messages", {"text": "So do we"}).get_json()
    assert spoke["messages"][-1]["author"] == "reception"
    for state in ("host", "bot", "closed"):
        answer = api.call("security", "PUT", f"{path}/turn", {"state": state})
        assert answer.get_json()["conversation"]["state"] == state
    assert api.call("other", "GET", path).status_code == 404
    assert api.call("other", "POST", f"{path}/messages", {"text": "Hello"}).status_code == 404


def test_the_list_is_for_those_who_answer(api: Api) -> None:
    listed = api.call("security", "GET", "/questions?site=TYO").get_json()["items"]
    assert [each["position"] for each in listed] == [1, 2]
    new = {"asked": {"en": ["May I smoke?"]}, "answers": {"en": "No."}, "position": 3}
    made = api.call("security", "POST", "/questions?site=TYO", new)
    assert made.status_code == 201
    path = f"/questions/{made.get_json()['id']}"
    changed = api.call("security", "PUT", path, new | {"active": False}).get_json()
    assert changed["active"] is False
    assert api.call("security", "DELETE", path).status_code == 204
    assert api.call("security", "DELETE", path).status_code == 404
    assert api.call("host", "GET", "/questions?site=TYO").status_code == 403
    assert (
        api.call("security", "POST", "/questions?site=TYO", new | {"answers": {}}).status_code
        == 422
    )
