"""Enrolment and what devices report, on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import cbor2
import pytest
from sqlmodel import select

from access_protocol import documents
from access_protocol.commands import Action
from access_protocol.documents import DocumentKind
from access_protocol.events import (
    Alarm,
    Contact,
    ControllerEvent,
    ControllerEventKind,
    ControllerState,
    Lock,
    Status,
)
from access_protocol.ids import DeviceId
from access_protocol.keys import KeyRing, RingKey, SigningKey
from access_protocol.knowledge import Obeyed, read_key_list
from access_protocol.topics import SERVER, Kind
from server.devices import actions, models, reports
from server.devices.actions import DeviceEnrolled, DoorReported, NewDevice
from server.devices.models import Device, KeyPurpose
from server.kernel.audit import AuditLine
from server.kernel.clock import FixedClock
from server.kernel.errors import Conflict, Invalid, NotFound, TooMany
from server.kernel.events import Event
from server.kernel.outbox import OutboxRow
from server.kernel.pagination import PageQuery
from server.kernel.principal import Principal
from server.kernel.work import Office
from tests.fakes.site import (
    DOOR,
    GATE,
    GATE_KEY,
    NOW,
    SYSTEM,
    TURNSTILE,
    TYO,
    enrol,
    office_with_site,
    take_code,
)

BOOT = str(UUID(int=1))
WRONG = "AAAA-AAAA-AAAA-AAAA"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def office(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Office]:
    made = office_with_site(database_url, tmp_path, clock)
    yield made
    made.close()


def code_for(office: Office, device: DeviceId = GATE, kind: Kind = Kind.GATE) -> str:
    with office.begin(SYSTEM) as work:
        if work.session.get(Device, device) is None:
            actions.register(work, NewDevice(id=device, site=TYO, kind=kind, name="A device"))
        return actions.make_code(work, device).code


def take(office: Office, code: str, address: str = "192.0.2.1") -> None:
    take_code(office, code, address=address)


def device_named(office: Office, device: DeviceId) -> Device:
    with office.reading(SYSTEM) as work:
        return work.session.get_one(Device, device)


def key_list_of(office: Office, controller: DeviceId) -> tuple[int, tuple[Obeyed, ...]]:
    with office.reading(SYSTEM) as work:
        row = work.session.get_one(models.IssuedDocument, (controller, DocumentKind.KEY_LIST))
        return row.version, read_key_list(row.body)


def test_a_code_lets_a_device_in_and_only_hashes_are_kept(office: Office) -> None:
    code = code_for(office)
    enrolled = take_code(office, code)
    enrolment = enrolled.told
    assert (enrolment.site, enrolment.kind, enrolment.device) == (TYO, "gate", GATE)
    assert len(enrolment.authority) == 1
    stored = device_named(office, GATE)
    assert stored.admitted
    assert stored.public_key == GATE_KEY.public
    assert enrolled.tls.name == stored.broker_name == f"{GATE}.1"
    with office.reading(SYSTEM) as work:
        trail = str([line.detail for line in work.session.exec(select(AuditLine)).all()])
    assert code not in trail


def test_a_code_is_good_for_one_use(office: Office) -> None:
    code = code_for(office)
    take(office, code)
    with pytest.raises(Invalid, match="code"):
        take(office, code)


def test_a_code_is_too_old_after_fifteen_minutes(office: Office, clock: FixedClock) -> None:
    code = code_for(office)
    clock.advance(timedelta(minutes=15))
    with pytest.raises(Invalid, match="code"):
        take(office, code)


def test_a_new_code_replaces_the_one_before(office: Office) -> None:
    old, new = code_for(office), code_for(office)
    with pytest.raises(Invalid, match="code"):
        take(office, old)
    take(office, new)


def test_five_wrong_tries_end_a_code_wherever_they_come_from(office: Office) -> None:
    code = code_for(office)
    near = code[:4] + WRONG[4:]
    for number in range(5):
        with pytest.raises(Invalid):
            take(office, near, f"192.0.2.{number}")
    with pytest.raises(Invalid):
        take(office, code, "192.0.2.99")


def test_four_wrong_tries_leave_a_code_good(office: Office) -> None:
    code = code_for(office)
    for _ in range(4):
        with pytest.raises(Invalid):
            take(office, code[:4] + WRONG[4:])
    take(office, code)


def test_an_address_that_guesses_must_wait(office: Office) -> None:
    for _ in range(5):
        with pytest.raises(Invalid):
            take(office, WRONG)
    code = code_for(office)
    with pytest.raises(TooMany):
        take(office, code)
    take(office, code, "192.0.2.2")


def test_a_device_with_a_taken_or_reserved_id_or_at_no_site_is_refused(office: Office) -> None:
    code_for(office)
    wanted: list[tuple[NewDevice, type[Exception]]] = [
        (NewDevice(id=GATE, site=TYO, kind=Kind.GATE, name="Again"), Conflict),
        (NewDevice(id="server", site=TYO, kind=Kind.GATE, name="Me"), Invalid),
        (NewDevice(id="gate-7", site="XXX", kind=Kind.GATE, name="Nowhere"), Invalid),
    ]
    for new, error in wanted:
        with pytest.raises(error), office.begin(SYSTEM) as work:
            actions.register(work, new)


def test_a_controller_obeys_the_gates_of_its_access_points_and_the_server(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    first, obeyed = key_list_of(office, DOOR)
    assert [one.sender for one in obeyed] == [SERVER]
    enrol(office, GATE, Kind.GATE)
    second, obeyed = key_list_of(office, DOOR)
    assert second > first
    assert obeyed[0] == Obeyed(GATE, GATE_KEY.public, frozenset({Action.UNLOCK}))
    assert obeyed[1].sender == SERVER
    with office.begin(SYSTEM) as work:
        actions.revoke(work, GATE)
    third, obeyed = key_list_of(office, DOOR)
    assert third > second
    assert [one.sender for one in obeyed] == [SERVER]


def test_a_gate_without_an_access_point_there_is_not_obeyed(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    enrol(office, DeviceId("gate-2"), Kind.GATE, SigningKey(b"2" * 32))
    assert [one.sender for one in key_list_of(office, DOOR)[1]] == [SERVER]


def test_documents_go_out_signed_by_the_sites_authority(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    enrol(office, GATE, Kind.GATE)
    with office.begin(SYSTEM) as work:
        rows = work.session.exec(select(OutboxRow).where(OutboxRow.kind == "documents")).all()
        keys = actions.public_keys(work, TYO, KeyPurpose.AUTHORITY)
    ring = KeyRing(RingKey(key, NOW, NOW + timedelta(days=1)) for key in keys)
    opened = [
        documents.open_document(message, ring, site=TYO, device=DOOR, at=NOW)
        for row in rows
        for topic, message in cbor2.loads(row.body or b"")
        if topic == f"genkan/TYO/server/server/keys/{DOOR}"
    ]
    assert opened
    assert [one.version for one in opened] == sorted(one.version for one in opened)


def test_a_device_that_is_ahead_of_us_is_overtaken(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    with office.begin(SYSTEM) as work:
        row, _ = actions.issue(work, DOOR, DocumentKind.KEY_LIST, lambda: b"x")
        assert actions.catch_up(work, row, 500)
        assert row.version == 501
        assert not actions.catch_up(work, row, 501)


def test_a_revoked_device_is_gone_for_good_until_it_is_registered_again(office: Office) -> None:
    enrol(office, GATE, Kind.GATE)
    with office.begin(SYSTEM) as work:
        actions.revoke(work, GATE)
    with pytest.raises(NotFound), office.begin(SYSTEM) as work:
        actions.make_code(work, GATE)
    enrol(office, GATE, Kind.GATE)
    assert device_named(office, GATE).admitted


def state(uptime: int, lock: Lock = Lock.LOCKED, since: int = 0) -> ControllerState:
    return ControllerState(
        boot=BOOT, uptime_ms=uptime, since_ms=since, lock=lock, contact=Contact.CLOSED
    )


def report(office: Office, what: Callable[..., object], *args: object, **named: object) -> object:
    with office.begin(Principal.for_device(DOOR, TYO)) as work:
        return what(work, work.session.get_one(Device, DOOR), *args, **named)


def known_state(office: Office) -> Lock | None:
    with office.reading(SYSTEM) as work:
        found = models.door_states(work.session, [DOOR]).get(DOOR)
        return found.lock if found is not None else None


def test_a_doors_state_is_unknown_until_it_is_reported_and_when_its_controller_is_away(
    office: Office,
) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    assert known_state(office) is None
    report(office, reports.status, Status(online=True))
    assert known_state(office) is None
    report(office, reports.door_state, state(10), retained=False)
    assert known_state(office) is Lock.LOCKED
    report(office, reports.status, Status(online=False))
    assert known_state(office) is None


def test_when_the_broker_is_lost_every_state_is_unknown(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    report(office, reports.status, Status(online=True))
    report(office, reports.door_state, state(10), retained=False)
    with office.begin(SYSTEM) as work:
        reports.everyone_is_away(work)
    assert known_state(office) is None


def test_an_older_state_that_comes_late_changes_nothing(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    report(office, reports.status, Status(online=True))
    report(office, reports.door_state, state(20, Lock.UNLOCKED), retained=False)
    report(office, reports.door_state, state(10), retained=False)
    assert known_state(office) is Lock.UNLOCKED


def test_a_state_of_nonsense_times_is_still_a_state(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    report(office, reports.status, Status(online=True))
    report(office, reports.door_state, state((1 << 63) - 1), retained=False)
    assert known_state(office) is Lock.LOCKED
    other = ControllerState(
        boot=str(UUID(int=2)),
        uptime_ms=0,
        since_ms=(1 << 63) - 1,
        lock=Lock.UNLOCKED,
        contact=Contact.OPEN,
        alarms=(Alarm.HELD_OPEN,),
        firmware="nul \0 inside",
    )
    report(office, reports.door_state, other, retained=False)
    assert known_state(office) is Lock.UNLOCKED


def test_an_event_is_stored_and_told_once(office: Office) -> None:
    enrol(office, DOOR, Kind.CONTROLLER)
    told: list[Event] = []
    office.reactions.on(DoorReported, lambda _work, one: told.append(one))
    happened = ControllerEvent(
        boot=BOOT, sequence=1, uptime_ms=5, what=ControllerEventKind.OPENED, detail="a\0b"
    )
    assert report(office, reports.door_event, happened) is True
    assert report(office, reports.door_event, happened) is False
    with office.reading(SYSTEM) as work:
        assert (
            len(models.door_events(work.session, DOOR, PageQuery(limit=9, cursor=None)).items) == 1
        )
    assert len(told) == 1


def test_enrolment_is_recorded_for_the_gates_knowledge(office: Office) -> None:
    told: list[Event] = []
    office.reactions.on(DeviceEnrolled, lambda _work, one: told.append(one))
    enrol(office, TURNSTILE, Kind.CONTROLLER)
    assert [one.device for one in told if isinstance(one, DeviceEnrolled)] == [TURNSTILE]
