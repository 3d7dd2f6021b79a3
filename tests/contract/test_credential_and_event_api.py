"""Credentials and the ledger's events over HTTP: who sees them, pages and filters, on both databases."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import Session, select

from access_protocol.decision import DenyReason
from access_protocol.events import (
    FIRST_HASH,
    DecisionEntry,
    JournalBatch,
    JournalEntry,
    Outcome,
    OutcomeEntry,
    body_text,
    chained,
)
from access_protocol.ids import DeviceId
from server.access import ledger
from server.access.ledger import Source
from server.visits.models import Visitor
from tests.fakes.api import NOBODY, Api, body_of
from tests.fakes.reception import SITE, SYSTEM

GATE = DeviceId("gate-1")


@pytest.fixture(scope="module")
def guest(api: Api) -> Visitor:
    """A visitor with a credential."""
    visit = api.reception.invite()
    with Session(api.reception.office.engine) as session:
        return session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()


def test_a_credential_is_shown_to_its_host_and_not_to_another(api: Api, guest: Visitor) -> None:
    path = f"/visitors/{guest.id}/credential"
    assert api.ask("host", "GET", path).status_code == 200
    assert api.ask("other", "GET", path).status_code in {403, 404}
    assert api.ask(NOBODY, "GET", path).status_code == 401
    picture = api.ask("host", "GET", f"{path}.png")
    assert picture.data.startswith(b"\x89PNG")
    assert "no-store" in picture.headers["Cache-Control"]


def test_issuing_again_replaces_a_credential_and_revoking_ends_it(api: Api) -> None:
    visit = api.reception.invite()
    with Session(api.reception.office.engine) as session:
        visitor = session.exec(select(Visitor).where(Visitor.visit == visit.id)).one()
    path = f"/visitors/{visitor.id}/credential"
    before = api.read(path)
    again = api.ask("security", "POST", path)
    assert again.status_code == 201
    assert body_of(again)["generation"] == before["generation"] + 1
    assert body_of(again)["credential"] == before["credential"]
    assert api.ask("security", "DELETE", path).status_code == 204
    assert api.ask("security", "GET", path).status_code == 404


@pytest.mark.usefixtures("guest")
def test_a_rotated_key_stands_first_and_no_private_part_is_shown(api: Api) -> None:
    before = api.read("/sites/TYO/issuer-keys")["items"]
    assert api.ask("admin", "POST", "/sites/TYO/issuer-keys").status_code == 201
    after = api.read("/sites/TYO/issuer-keys")["items"]
    assert [each["number"] for each in after[1:]] == [each["number"] for each in before]
    assert set(after[0]) == {
        "site",
        "number",
        "key_id",
        "public",
        "not_before",
        "not_after",
        "retired_at",
    }


def journalled(api: Api, count: int) -> None:
    """Let the gate report: grants and denials by turns, a minute apart, each grant opened."""
    before, entries = FIRST_HASH, list[JournalEntry]()
    for number in range(count):
        at = api.reception.clock.now() + timedelta(minutes=number)
        event, granted = str(UUID(int=number + 1)), number % 2 == 0
        bodies: list[DecisionEntry | OutcomeEntry] = [
            DecisionEntry(
                at=at,
                event=event,
                access_point="main-gate-in" if number % 4 < 2 else "sakura-in",
                reason=None if granted else DenyReason.EXPIRED,
                credential=f"{number:032x}",
            )
        ]
        if granted:
            point = bodies[0].access_point
            bodies.append(
                OutcomeEntry(at=at, event=event, access_point=point, outcome=Outcome.OPENED)
            )
        for body in bodies:
            text = body_text(body)
            before = chained(before, text)
            sequence = len(entries) + 1
            entries.append(JournalEntry(sequence=sequence, hash=before.hex(), body=text))
    batch = JournalBatch(journal=str(UUID(int=77)), previous="", entries=tuple(entries))
    with api.reception.office.begin(SYSTEM) as work:
        ledger.ingest(work, Source(GATE, SITE), batch)


@pytest.fixture(scope="module")
def events(api: Api) -> list[dict[str, Any]]:
    """Twelve decisions of the gate, and those of operators before, newest first as the API shows them."""
    journalled(api, 12)
    return api.read("/access/events?limit=100")["items"]


def test_events_come_newest_first_with_what_became_of_them(events: list[dict[str, Any]]) -> None:
    assert [each["at"] for each in events] == sorted((each["at"] for each in events), reverse=True)
    reported = [each for each in events if each["gate"] == GATE]
    assert [each["granted"] for each in reported] == [False, True] * 6
    assert all(each["outcomes"] == (["opened"] if each["granted"] else []) for each in reported)


def test_pages_of_events_bring_each_once(api: Api, events: list[dict[str, Any]]) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.read(f"/access/events?limit=5{cursor}")
        assert len(page["items"]) <= 5
        seen += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [each["id"] for each in events]


def test_events_are_filtered_by_what_is_asked(api: Api, events: list[dict[str, Any]]) -> None:
    def ids(query: str) -> list[str]:
        return [each["id"] for each in api.read(f"/access/events?limit=100&{query}")["items"]]

    def those(name: str, value: object) -> list[str]:
        return [each["id"] for each in events if each[name] == value]

    middle = events[5]["at"]
    assert ids("granted=true") == those("granted", value=True)
    assert ids("granted=false") == those("granted", value=False)
    assert ids("reason=expired") == those("reason", "expired")
    assert ids("reason=revoked") == []
    assert ids("portal=sakura-door") == those("portal", "sakura-door")
    assert 0 < len(ids("portal=sakura-door")) < len(events)
    assert ids(f"credential={events[3]['credential']}") == [events[3]["id"]]
    assert ids(f"since={middle}") == [each["id"] for each in events[:6]]
    assert ids(f"until={middle}") == [each["id"] for each in events[6:]]
    assert ids("site=OSA") == []
