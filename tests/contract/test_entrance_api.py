"""Posters, screens, walk-ins and approvals over HTTP: who may do what, and what is shown once, on both databases."""

import pytest
from sqlmodel import select

from server.arrivals import check_in, posters, walk_ins
from server.arrivals.models import EntryApproval, Poster
from server.kernel.ids import PosterId
from tests.fakes.api import NOBODY, Api, body_of
from tests.fakes.reception import MAIN_GATE, SITE

NEW = {"portal": "main-gate", "note": "Beside the bell"}


def put_up(api: Api) -> str:
    answer = api.ask("admin", "POST", "/arrivals/sites/TYO/posters", NEW)
    assert answer.status_code == 201, answer.text
    return str(body_of(answer)["id"])


def stranger_at(api: Api, poster: str) -> str:
    with api.reception.work("admin") as work:
        new = walk_ins.NewWalkIn.model_validate(
            {"name": "Mei Lin", "whom": "host@genkan.example", "purpose": "A parcel"}
            | {"language": "en"}
        )
        hangs = work.session.get_one(Poster, PosterId(poster))
        return walk_ins.register(work, hangs, new, "s" * 43).id


@pytest.mark.parametrize("who", [NOBODY, "host", "security"])
def test_only_administrators_put_up_posters_and_screens(api: Api, who: str) -> None:
    screen = {"name": "Tablet", "access_point": "main-gate-in"}
    refused = 401 if who == NOBODY else 403
    for path, body in (("posters", NEW), ("kiosks", screen)):
        assert api.ask(who, "POST", f"/arrivals/sites/TYO/{path}", body).status_code == refused


def test_a_poster_is_put_up_printed_replaced_and_taken_down(api: Api) -> None:
    poster = put_up(api)
    sheet = api.ask("admin", "GET", f"/arrivals/posters/{poster}/sheet?size=label")
    assert (sheet.mimetype, sheet.data[:5]) == ("application/pdf", b"%PDF-")

    newer = body_of(api.ask("admin", "POST", f"/arrivals/posters/{poster}/replacement"))
    hanging = {each["id"]: each for each in api.read("/arrivals/posters?site=TYO")["items"]}
    assert newer["id"] in hanging
    assert poster not in hanging
    assert hanging[newer["id"]]["address"].endswith(f"/e/{newer['code']}")

    gone = api.ask("admin", "DELETE", f"/arrivals/posters/{newer['id']}")
    assert gone.status_code == 204
    assert api.ask("admin", "DELETE", f"/arrivals/posters/{newer['id']}").status_code == 409


def test_an_unknown_portal_is_named(api: Api) -> None:
    answer = api.ask("admin", "POST", "/arrivals/sites/TYO/posters", {"portal": "nowhere"})
    assert answer.status_code == 422
    assert [each["field"] for each in body_of(answer)["errors"]] == ["portal"]


def test_the_address_of_a_screen_is_told_once(api: Api) -> None:
    put_up(api)
    screen = {"name": "Tablet", "access_point": "main-gate-in"}
    made = body_of(api.ask("admin", "POST", "/arrivals/sites/TYO/kiosks", screen))
    path = made["address"].removeprefix("http://localhost:8080")
    shown = api.http.get(f"{path}/code").get_json()["codes"]
    assert [len(each["digits"]) for each in shown] == [9] * 7

    listed = api.ask("admin", "GET", "/arrivals/kiosks")
    assert made["id"] in listed.text
    assert made["address"].rpartition("/")[2] not in listed.text
    assert api.ask("admin", "DELETE", f"/arrivals/kiosks/{made['id']}").status_code == 204
    assert api.http.get(f"{path}/code").status_code == 410


def test_a_walk_in_is_seen_and_let_in_by_the_host_they_named(api: Api) -> None:
    waiting = stranger_at(api, put_up(api))
    assert waiting in [each["id"] for each in api.read("/arrivals/walk-ins", "host")["items"]]
    yes = api.ask("host", "POST", f"/arrivals/walk-ins/{waiting}/approval", {"hours": 1})
    assert body_of(yes)["answer"] == "given"
    assert body_of(yes)["visitor"]
    again = api.ask("host", "POST", f"/arrivals/walk-ins/{waiting}/refusal", {})
    assert again.status_code == 409


def test_a_refused_walk_in_has_no_visit(api: Api) -> None:
    waiting = stranger_at(api, put_up(api))
    no = api.ask("security", "POST", f"/arrivals/walk-ins/{waiting}/refusal", {"reason": "Late"})
    assert body_of(no)["answer"] == "refused"
    assert body_of(no)["visitor"] is None


@pytest.mark.parametrize(("verdict", "becomes"), [("approval", "given"), ("refusal", "refused")])
def test_an_invited_visitor_who_asks_is_answered_over_the_api(
    api: Api, verdict: str, becomes: str
) -> None:
    visit = api.reception.invite()
    (guest,) = api.reception.guests_of(visit)[:1]
    with api.reception.work("admin") as work:
        posters.put_up(work, SITE, posters.NewPoster(portal="main-gate"))
        asked = check_in.ask_approval(work, visit, guest, MAIN_GATE).id
    shown = {each["id"]: each for each in api.read("/arrivals/approvals", "host")["items"]}
    assert shown[asked]["name"] == guest.name
    said = api.ask("host", "POST", f"/arrivals/approvals/{asked}/{verdict}")
    assert body_of(said)["answer"] == becomes
    with api.reception.work() as work:
        kept = work.session.exec(select(EntryApproval).where(EntryApproval.id == asked)).one()
        assert str(kept.answer) == becomes
