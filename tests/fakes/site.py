"""A site on a real database: zones, two portals, a gate with two readers, two controllers, a host and a visit."""

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlmodel import Session

from access_protocol import enrolment
from access_protocol.certificates import TlsIdentity, new_key, request_for
from access_protocol.credential import CredentialClass
from access_protocol.enrolment import Enrolment, Ticket
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.keys import SigningKey
from access_protocol.knowledge import Direction
from access_protocol.topics import Kind
from access_protocol.wording import Language
from server.access import actions as access
from server.credentials.actions import CredentialIssued, CredentialRevoked, IssuerKeyRotated
from server.devices import actions as devices
from server.kernel import schema
from server.kernel.clock import FixedClock
from server.kernel.ids import PersonId, VisitId, VisitorId
from server.kernel.principal import Principal, Right
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.people.models import Person
from server.places.actions import PlaceChanged
from server.places.models import AccessPoint, Portal, Site, Zone
from server.places.rules import FailMode, PortalKind
from server.visits.models import Visit, Visitor
from server.visits.rules import VisitState
from tests.services.template import just_before, scene

URL = "http://localhost:8080"
NOW = datetime(2026, 4, 1, 0, 30, tzinfo=UTC)
TYO = SiteCode("TYO")
GATE, OTHER_GATE = DeviceId("gate-1"), DeviceId("gate-2")
TURNSTILE, DOOR = DeviceId("turnstile-1"), DeviceId("door-sakura")
GATE_KEY = SigningKey(b"g" * 32)
MAIN_GATE, SAKURA_DOOR = PortalId("main-gate"), PortalId("sakura-door")
MAIN_IN, SAKURA_IN = AccessPointId("main-gate-in"), AccessPointId("sakura-in")
HOST, VISIT, VISITOR = PersonId("a" * 32), VisitId("b" * 32), VisitorId("c" * 32)
CREDENTIAL = CredentialId(bytes(range(16)))
SYSTEM = Principal.system("tests")
OPERATOR = Principal.for_person(HOST, {Right.DOORS_COMMAND, Right.ACCESS_READ})


def settings(database_url: str, folder: Path, **others: object) -> Settings:
    """Settings with secrets of a test's own; nothing is read from the environment's files."""
    return Settings(
        database_url=database_url,
        data_folder=folder,
        secret_key=SecretStr("0a9Zk1Lq8Wm2Xn7Vb4Yc5Td6Rf3Hj8Pb"),
        master_key=SecretStr("9o8Iu7Yt6Re5Wq4As3Df2Gh1Jk0Lz6Xc"),
        worker_wake="",
        **others,  # pyright: ignore[reportArgumentType]
    )


def empty_office(database_url: str, folder: Path, clock: FixedClock | None = None) -> Office:
    """An office on an empty database, brought to the present by the migrations."""
    office = Office(settings(database_url, folder), clock or FixedClock(NOW))
    schema.migrate(office.engine)
    return office


def react(office: Office) -> None:
    """Register what follows inside access, as the app does."""
    office.reactions.on(PlaceChanged, access.place_changed)
    office.reactions.on(CredentialIssued, access.credential_issued)
    office.reactions.on(CredentialRevoked, access.credential_revoked)
    office.reactions.on(IssuerKeyRotated, access.issuer_key_rotated)
    office.reactions.on(devices.DeviceEnrolled, access.device_enrolled)
    office.reactions.on(devices.DeviceStatusChanged, access.device_status_changed)
    office.reactions.on(access.AmnestyGranted, access.amnesty_granted)
    office.reactions.on(devices.DoorReported, access.door_witnessed)
    office.reactions.on(devices.DoorReported, access.door_reported)


def office_with_site(database_url: str, folder: Path, clock: FixedClock | None = None) -> Office:
    """An office whose site stands: places, a host, a confirmed visit with one visitor; no device yet."""
    office = empty_office(database_url, folder, clock)
    react(office)
    with office.begin(SYSTEM) as work:
        session = work.session
        session.add(
            Site(
                code=TYO,
                name="Tokyo",
                time_zone="Asia/Tokyo",
                languages=["ja", "en"],
                static_zones=[1, 2, 3],
                created_at=NOW,
            )
        )
        session.flush()
        for number, name in ((1, "Hall"), (2, "Office"), (3, "Rooms"), (4, "Servers")):
            session.add(Zone(site=TYO, number=ZoneNumber(number), name=name))
        for portal, kind in ((MAIN_GATE, PortalKind.TURNSTILE), (SAKURA_DOOR, PortalKind.DOOR)):
            session.add(
                Portal(site=TYO, id=portal, name=portal, kind=kind, fail_mode=FailMode.SAFE)
            )
        session.flush()
        session.add(_point(MAIN_IN, MAIN_GATE, 2, TURNSTILE))
        session.add(_point(SAKURA_IN, SAKURA_DOOR, 3, DOOR))
        _add_visit(work.session)
    return office


def enrolled_site(database_url: str, folder: Path, clock: FixedClock | None = None) -> Office:
    """The same with its gate and both controllers enrolled."""
    clock = clock or FixedClock(NOW)

    def write() -> None:
        with closing(office_with_site(database_url, folder, just_before(clock))) as office:
            enrol(office, GATE, Kind.GATE)
            enrol(office, TURNSTILE, Kind.CONTROLLER)
            enrol(office, DOOR, Kind.CONTROLLER)

    scene(("enrolled site", clock.now()), database_url, write)
    office = Office(settings(database_url, folder), clock)
    react(office)
    return office


@dataclass(frozen=True)
class Enrolled:
    """What a device holds once it is enrolled."""

    told: Enrolment
    tls: TlsIdentity


def enrol(office: Office, device: DeviceId, kind: Kind, key: SigningKey = GATE_KEY) -> Enrolled:
    """Register a device, make it a code and let it take it."""
    with office.begin(SYSTEM) as work:
        devices.register(
            work, devices.NewDevice(id=device, site=TYO, kind=kind, name=f"The {device}")
        )
        code = devices.make_code(work, device).code
    return take_code(office, code, key)


def enrol_again(office: Office, device: DeviceId, key: SigningKey = GATE_KEY) -> Enrolled:
    """Make another code for a device, and let somebody take it."""
    with office.begin(SYSTEM) as work:
        code = devices.make_code(work, device).code
    return take_code(office, code, key)


def take_code(
    office: Office, code: str, key: SigningKey = GATE_KEY, address: str = "192.0.2.1"
) -> Enrolled:
    """Enrol with a code as a device does, with TLS keys of its own."""
    ticket, tls_key = Ticket(URL, code), new_key()
    asked = enrolment.request(ticket, key.public, request_for(tls_key))
    answer = devices.enrol(office, asked, address)
    told = enrolment.open_answer(answer, asked, ticket)
    return Enrolled(told, enrolment.identity(told, tls_key))


def _point(point: AccessPointId, portal: PortalId, zone: int, controller: DeviceId) -> AccessPoint:
    return AccessPoint(
        site=TYO,
        id=point,
        portal=portal,
        zone=zone,
        direction=Direction.IN,
        classes=[str(each) for each in CredentialClass if each is not CredentialClass.VOUCHER],
        pulse_ms=3000,
        gate=GATE,
        controller=controller,
    )


def _add_visit(session: Session) -> None:
    session.add(
        Person(
            id=HOST,
            email="host@genkan.example",
            name="Host",
            language=Language.EN,
            created_at=NOW,
        )
    )
    session.flush()
    session.add(
        Visit(
            id=VISIT,
            site=TYO,
            zones=[2, 3],
            host=HOST,
            title="Kick-off",
            language=Language.EN,
            starts_at=NOW + timedelta(hours=1),
            ends_at=NOW + timedelta(hours=2),
            state=VisitState.CONFIRMED,
            created_at=NOW,
            changed_at=NOW,
        )
    )
    session.flush()
    session.add(
        Visitor(
            id=VISITOR,
            visit=VISIT,
            name="Visitor",
            email="visitor@genkan.example",
            language=Language.EN,
            credential=CREDENTIAL,
            link_hash="0" * 64,
            sealed_link=b"sealed",
            created_at=NOW,
        )
    )
