"""How many journal entries a second the server's ledger takes in, on each database, beside one object a row."""

import os
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

from pydantic import SecretStr

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import (
    FIRST_HASH,
    LARGEST_BATCH,
    DecisionEntry,
    JournalBatch,
    JournalEntry,
    Outcome,
    OutcomeEntry,
    body_text,
    chained,
)
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    EventId,
    JournalId,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from bench.result import Result, Skipped, Track
from server.access import ledger
from server.access.ledger import Source
from server.access.models import AccessEvent, EntryKind
from server.app import create_office
from server.kernel import schema
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.people import actions as people
from server.people.rules import Role
from server.places import actions as places
from server.places.rules import PortalKind
from server.visits import actions as visits
from server.visits import models as visit_models
from tests.services.postgresql import Postgresql

BATCHES = 60
BASELINE_ROWS = 400
GUESTS = 10
SITE, GATE = SiteCode("TYO"), DeviceId("gate-1")
POINTS = (AccessPointId("main-gate"), AccessPointId("sakura-door"))
"""A turnstile, and the door of the visit's room: each of them sees half of the entries."""
BEGAN = datetime(2026, 4, 1, tzinfo=UTC)
SYSTEM = Principal.system("bench")
_OUTCOME = 2


def ledger_inserts_per_s_sqlite(track: Track) -> Iterator[Result]:
    """Measure on SQLite with WAL and synchronous=FULL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genkan.sqlite3"
        yield _measure("ledger_inserts_per_s_sqlite", f"sqlite:///{path}", Path(folder), track)


def ledger_inserts_per_s_postgresql(track: Track) -> Iterator[Result]:
    """Measure on a PostgreSQL that survives a power cut (fsync on)."""
    with tempfile.TemporaryDirectory() as folder, _postgresql() as url:
        yield _measure("ledger_inserts_per_s_postgresql", url, Path(folder), track)


@contextmanager
def _postgresql() -> Generator[str]:
    try:
        running = Postgresql(durable=True)
    except FileNotFoundError as missing:
        raise Skipped(str(missing)) from missing
    with running:
        yield running.new_database()


def _measure(name: str, url: str, folder: Path, track: Track) -> Result:
    settings = _settings(url, folder)
    office = _office(settings)
    rates = [
        _rate(len(batch.entries), lambda each=batch: _ingest(office, each))
        for batch in track(_batches(1, BATCHES), name)
    ]
    alone = Office(settings)
    without_reactions = [
        _rate(len(batch.entries), lambda each=batch: _ingest(alone, each))
        for batch in _batches(2, BATCHES // 2)
    ]
    alone.close()
    rows = [_object(number) for number in range(BASELINE_ROWS)]
    baseline = _rate(len(rows), lambda: _one_by_one(office, rows))
    office.close()
    return Result.of(
        name,
        "entries/s",
        rates,
        baseline=baseline,
        baseline_is="the same rows through SQLModel, one object and one commit each",
        batch=LARGEST_BATCH,
        without_reactions=round(median(without_reactions), 1),
        cores=os.cpu_count(),
    )


def _rate(count: int, work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def _ingest(office: Office, batch: JournalBatch) -> None:
    with office.begin(SYSTEM) as work:
        ledger.ingest(work, Source(GATE, SITE), batch)


def _one_by_one(office: Office, rows: list[AccessEvent]) -> None:
    for row in rows:
        with office.begin(SYSTEM) as work:
            work.session.add(row)


def _settings(url: str, folder: Path) -> Settings:
    return Settings(
        database_url=url,
        data_folder=folder,
        worker_wake="",
        secret_key=SecretStr(os.urandom(24).hex()),
        master_key=SecretStr(os.urandom(24).hex()),
    )


def _office(settings: Settings) -> Office:
    """Return the office of a site as it runs, with every reaction: two doors, a room, and a visit to it."""
    office = create_office(settings)
    schema.migrate(office.engine)
    with office.begin(SYSTEM) as work:
        places.create_site(
            work, places.NewSite(code=SITE, name="Bench", time_zone="Asia/Tokyo", static_zones=[2])
        )
        places.put_zone(work, SITE, ZoneNumber(2), places.ZoneInput(name="Office"))
        for point, kind in zip(POINTS, (PortalKind.TURNSTILE, PortalKind.DOOR), strict=True):
            places.put_portal(
                work, SITE, PortalId(point), places.PortalInput(name=point, kind=kind)
            )
            places.put_access_point(
                work,
                SITE,
                point,
                places.AccessPointInput(portal=point, zone=2, gate=GATE, controller=f"{point}-1"),
            )
        room = places.create_room(
            work, SITE, places.RoomInput(name="Sakura", zone=2, portal=POINTS[1])
        )
        host = people.create_person(
            work, people.NewPerson(email="host@genkan.example", name="Host", roles=[Role.HOST])
        )
        visit = visits.create(
            work,
            visits.NewVisit(
                title="Bench",
                starts_at=work.now + timedelta(hours=1),
                ends_at=work.now + timedelta(hours=2),
                room=room.id,
                host=host.id,
                visitors=[
                    visits.NewVisitor(name=f"Guest {number}", email=f"g{number}@genkan.example")
                    for number in range(GUESTS)
                ],
            ),
        )
        for number, visitor in enumerate(visit_models.visitors_of(work.session, visit.id)):
            visitor.credential = _credential(number)
            work.session.add(visitor)
    return office


def _batches(journal: int, count: int) -> list[JournalBatch]:
    """A gate's day: a third denials, a third grants, a third what became of them."""
    before, entries = FIRST_HASH, list[JournalEntry]()
    for sequence in range(1, count * LARGEST_BATCH + 1):
        text = body_text(_body(sequence))
        before = chained(before, text)
        entries.append(JournalEntry(sequence=sequence, hash=before.hex(), body=text))
    cuts = range(0, len(entries), LARGEST_BATCH)
    parts = [tuple(entries[at : at + LARGEST_BATCH]) for at in cuts]
    return [
        JournalBatch(journal=str(UUID(int=journal)), previous="", entries=part) for part in parts
    ]


def _body(number: int) -> DecisionEntry | OutcomeEntry:
    turn = number % 3
    at = BEGAN + timedelta(seconds=number)
    # An outcome has the event of the grant before it.
    grant = number - (turn == _OUTCOME)
    event = str(UUID(int=grant))
    point = POINTS[grant // 3 % len(POINTS)]
    if turn == _OUTCOME:
        return OutcomeEntry(at=at, event=event, access_point=point, outcome=Outcome.OPENED)
    return DecisionEntry(
        at=at,
        event=event,
        access_point=point,
        reason=None if turn else DenyReason.EXPIRED,
        credential=_credential(number % GUESTS).hex(),
        credential_class=CredentialClass.STATIC,
        generation=1,
    )


def _credential(number: int) -> CredentialId:
    return CredentialId(number.to_bytes(16, "big"))


def _object(number: int) -> AccessEvent:
    body = _body(3 * number)
    return AccessEvent(
        id=f"{number:032x}",
        gate=GATE,
        journal=JournalId(str(UUID(int=3))),
        sequence=number,
        hash=bytes(32),
        body=body_text(body).encode(),
        kind=EntryKind.DECISION,
        site=SITE,
        received_at=BEGAN,
        at=body.at,
        event=EventId(body.event),
        portal=PortalId("main-gate"),
        reason=DenyReason.EXPIRED,
        granted=False,
    )
