"""Staff passes, the survey, retention and reception's list over the API: each for those who may, and nobody else."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol.keys import HolderKey
from access_protocol.wording import Language
from server.conversations import actions as chats
from server.conversations.actions import Author, NewSurveyAnswer
from server.credentials import actions as credentials
from server.credentials.models import Standing
from server.kernel.ids import PersonId
from server.kernel.principal import Principal
from tests.fakes.api import Api, body_of
from tests.fakes.reception import SITE, Reception


@pytest.fixture
def api(reception: Reception) -> Api:
    return Api(reception)


def test_zones_are_set_and_a_pass_is_blocked_and_lifted_over_the_api(
    api: Api, reception: Reception
) -> None:
    host: PersonId = reception.people["host"]
    key = HolderKey.of(ec.generate_private_key(ec.SECP256R1()).public_key())
    path = f"/people/{host}/passes"
    changed = body_of(api.ask("admin", "PUT", f"{path}/TYO", {"zones": [2, 3]}))
    assert (changed["zones"], changed["own_zones"], changed["expires"]) == ([2, 3], True, None)
    with reception.work("host") as work:
        credentials.bind_staff(work, SITE, key)
    (carried,) = api.read(path, "host")["items"]
    assert carried["expires"] == "2026-04-01T17:00:00Z"

    blocked = body_of(api.ask("security", "POST", f"{path}/TYO/block"))
    assert (blocked["blocked"], blocked["expires"]) == (True, None)
    with reception.work("host") as work:
        found = credentials.standing(work, host, SITE)
        assert found.held is not None
        assert found.held.standing is Standing.BLOCKED
    assert body_of(api.ask("security", "POST", f"{path}/TYO/unblock"))["blocked"] is False
    assert body_of(api.ask("admin", "PUT", f"{path}/TYO", {"zones": None}))["own_zones"] is False


def test_of_staff_passes_nobody_changes_what_is_not_theirs_to_change(
    api: Api, reception: Reception
) -> None:
    path = f"/people/{reception.people['host']}/passes"
    assert api.ask("security", "PUT", f"{path}/TYO", {"zones": [4]}).status_code == 403
    assert api.ask("host", "POST", f"{path}/TYO/block").status_code == 403
    assert api.ask("other", "GET", path).status_code == 403
    unknown = api.ask("admin", "PUT", f"{path}/TYO", {"zones": [17]})
    assert unknown.status_code == 422
    assert body_of(unknown)["errors"][0]["field"] == "zones"


def test_the_survey_is_read_counted_and_answered_once(api: Api, reception: Reception) -> None:
    visitor = reception.guests_of(reception.invite())[0].id
    with reception.office.begin(Principal.for_visitor(visitor)) as work:
        said = NewSurveyAnswer(score=4, comment="A fine hall", language=Language.EN)
        made = chats.answer_survey(work, visitor, said).id
    found = api.read("/sites/TYO/survey?days=7", "admin")
    assert found["figures"]["distribution"] == [0, 0, 0, 1, 0]
    assert [(each["score"], each["comment"]) for each in found["items"]] == [(4, "A fine hall")]
    path = f"/survey-answers/{made}/reply"
    assert api.ask("security", "PUT", path, {"text": "Thank you"}).status_code == 403
    assert body_of(api.ask("admin", "PUT", path, {"text": "Thank you"}))["reply"] == "Thank you"
    assert api.ask("admin", "PUT", path, {"text": "Again"}).status_code == 409
    assert api.ask("security", "GET", "/sites/TYO/survey").status_code == 403


def test_retention_is_decided_and_previewed_by_administrators(api: Api) -> None:
    days = body_of(
        api.ask("admin", "PUT", "/sites/TYO/retention", {"days": {"conversations": 12}})
    )["days"]
    assert days["conversations"] == 12
    assert api.read("/sites/TYO/retention", "security")["days"] == days
    lines = api.read("/retention/preview", "admin")["items"]
    assert {"kind": "conversations", "site": "TYO", "days": 12, "count": 0} in lines
    assert api.ask("security", "GET", "/retention/preview").status_code == 403
    assert api.ask("security", "PUT", "/sites/TYO/retention", {"days": {}}).status_code == 403


def test_receptions_list_is_for_those_who_answer(api: Api, reception: Reception) -> None:
    identity = chats.identity("a secret of the phone")
    with reception.office.begin(chats.stranger(identity)) as work:
        chat = chats.open_for_stranger(work, SITE, identity, Language.EN).id
        chats.say(work, chat, "I lost my bag", author=Author.VISITOR)
    (waiting,) = api.read("/conversations/inbox?site=TYO")["items"]
    assert (waiting["id"], waiting["state"]) == (chat, "reception")
    assert api.read("/conversations/inbox?site=TYO&show=closed")["items"] == []
    assert api.read("/conversations/inbox?site=TYO&search=umbrella")["items"] == []
    assert api.ask("host", "GET", "/conversations/inbox?site=TYO").status_code == 403
