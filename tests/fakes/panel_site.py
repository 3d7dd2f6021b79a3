"""A site with people, places, devices, visits and a day's events, made by the server's own actions."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from pydantic import SecretStr

from access_protocol.decision import DenyReason
from access_protocol.events import (
    FIRST_HASH,
    Alarm,
    Contact,
    ControllerState,
    DecisionEntry,
    EntryBody,
    GateHealth,
    JournalBatch,
    JournalEntry,
    Lock,
    Outcome,
    OutcomeEntry,
    ReaderHealth,
    Status,
    body_text,
    chained,
)
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.topics import Kind
from access_protocol.wording import Language
from server.access import ledger as access
from server.devices import actions as devices
from server.devices import reports
from server.devices.models import Device
from server.kernel import schema
from server.kernel.clock import FixedClock
from server.kernel.ids import RoomId
from server.kernel.principal import Principal, Right
from server.kernel.work import Office, Work
from server.people import actions as people
from server.people import models as people_models
from server.people.rules import Role
from server.places import actions as places
from server.places.models import Site
from server.places.rules import PortalKind
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.models import Visit, Visitor

PASSWORD = "the hall where guests are received"
SITE = SiteCode("TYO")
GATE = DeviceId("gate-1")
JOURNAL = str(UUID(int=7))
BOOT = str(UUID(int=8))
NOON = datetime(2026, 4, 1, 5, 14, 7, tzinfo=UTC)
"""14:14 on a Wednesday in Tokyo."""
DEVICES = (
    ("gate-1", Kind.GATE, "Entrance hall"),
    ("gate-2", Kind.GATE, "Back entrance"),
    ("turnstile-1", Kind.CONTROLLER, "Turnstile"),
    ("door-sakura", Kind.CONTROLLER, "Sakura door"),
    ("door-server-room", Kind.CONTROLLER, "Server room door"),
)
PORTALS = (
    ("main-gate", "Main gate", PortalKind.TURNSTILE, 2, "turnstile-1"),
    ("sakura-door", "Sakura door", PortalKind.DOOR, 3, "door-sakura"),
    ("server-room", "Server room", PortalKind.DOOR, 4, "door-server-room"),
)


class PanelSite:
    """The site; each method lets something happen to it."""

    def __init__(self, office: Office, clock: FixedClock) -> None:
        """Make tables, people, places and devices."""
        self.office = office
        self.clock = clock
        self._sequence = 0
        self._hash = FIRST_HASH
        schema.migrate(office.engine)
        with office.begin(Principal.system()) as work:
            for name, email, role in (
                ("Ito Ken", "admin", Role.ADMINISTRATOR),
                ("Mori Aya", "security", Role.SECURITY),
                ("Sato Misaki", "host", Role.HOST),
            ):
                people.create_person(
                    work,
                    people.NewPerson(
                        name=name,
                        email=f"{email}@genkan.example",
                        language=Language.EN,
                        roles=[role],
                        password=SecretStr(PASSWORD),
                    ),
                )
            places.create_site(
                work,
                places.NewSite(
                    code=SITE,
                    name="Genkan Tokyo",
                    address="1-2-3 Marunouchi\nChiyoda-ku, Tokyo",
                    time_zone="Asia/Tokyo",
                    static_zones=[2, 3],
                ),
            )
            for number, zone in enumerate(
                ("Entrance hall", "Office floor", "Meeting rooms", "Server room"), 1
            ):
                places.put_zone(work, SITE, ZoneNumber(number), places.ZoneInput(name=zone))
            for device, kind, name in DEVICES:
                devices.register(
                    work, devices.NewDevice(id=device, site=SITE, kind=kind, name=name)
                )
                work.session.get_one(Device, DeviceId(device)).enrolled_at = work.now
            for portal, name, kind, zone, controller in PORTALS:
                places.put_portal(
                    work, SITE, PortalId(portal), places.PortalInput(name=name, kind=kind)
                )
                point = places.AccessPointInput(
                    portal=portal, zone=zone, gate=GATE, controller=controller
                )
                places.put_access_point(work, SITE, AccessPointId(f"{portal}-in"), point)
            room = places.RoomInput(name="Sakura", zone=3, portal="sakura-door", capacity=8)
            self.room = RoomId(places.create_room(work, SITE, room).id)

    def invite(
        self,
        *guests: tuple[str, str],
        starts_in: timedelta = timedelta(),
        title: str = "Acceptance of the new optics",
        language: Language = Language.EN,
        as_host: bool = False,
    ) -> tuple[Visit, list[Visitor]]:
        """Let the host invite (name, company) pairs for an hour."""
        starts_at = self.clock.now() + starts_in
        with self.office.reading(Principal.system()) as work:
            found = people_models.by_email(work.session, "host@genkan.example")
        host = None if found is None else found.id
        invites = frozenset({Right.VISITS_INVITE})
        own = Principal.for_person(host, invites) if host and as_host else Principal.system()
        with self.office.begin(own) as work:
            made = visits.create(
                work,
                visits.NewVisit(
                    title=title,
                    starts_at=starts_at,
                    ends_at=starts_at + timedelta(hours=1),
                    room=self.room,
                    host=host,
                    language=language,
                    visitors=[
                        visits.NewVisitor(
                            name=name,
                            email=f"guest{number}@visitor.example",
                            company=company,
                            language=None,
                        )
                        for number, (name, company) in enumerate(guests)
                    ],
                ),
            )
            return made, list(visit_models.visitors_of(work.session, made.id))

    def asks_for_approval(self, *, wanted: bool) -> None:
        """Let security approve visits from now on, or no longer."""
        with self.office.begin(Principal.system()) as work:
            work.session.get_one(Site, SITE).approval_required = wanted

    def link(self, visitor: Visitor) -> str:
        """Return the path of the visitor's own page."""
        with self.office.reading(Principal.system()) as work:
            found = work.session.get_one(Visitor, visitor.id)
            return "/v/" + visits.link_of(work, found).rpartition("/")[2]

    def presented(
        self,
        point: str,
        credential: CredentialId | None = None,
        reason: DenyReason | None = None,
        *outcomes: Outcome,
    ) -> None:
        """Let a gate report a decision and what became of it."""
        event, at = str(uuid4()), self.clock.now()
        self._journal(
            DecisionEntry(
                at=at,
                event=event,
                access_point=point,
                reason=reason,
                credential=credential.hex() if credential else None,
            ),
            *(
                OutcomeEntry(at=at, event=event, access_point=point, outcome=outcome)
                for outcome in outcomes
            ),
        )

    def _journal(self, *bodies: EntryBody) -> None:
        previous, entries = self._hash, list[JournalEntry]()
        for body in bodies:
            text = body_text(body)
            self._sequence += 1
            self._hash = chained(self._hash, text)
            entries.append(JournalEntry(sequence=self._sequence, hash=self._hash.hex(), body=text))
        batch = JournalBatch(journal=JOURNAL, previous=previous.hex(), entries=tuple(entries))
        with self.office.begin(Principal.for_device(GATE, SITE)) as work:
            access.ingest(work, access.Source(GATE, SITE), batch)

    def comes(self, *names: str) -> None:
        """Let devices say that they are there."""
        for name in names:
            self._device(
                name, lambda work, device: reports.status(work, device, Status(online=True))
            )

    def reports_door(
        self, controller: str, lock: Lock, contact: Contact, *alarms: Alarm, ago_s: int = 9
    ) -> None:
        """Let a controller report its door."""
        state = ControllerState(
            boot=BOOT,
            uptime_ms=1_000_000,
            since_ms=1_000_000 - ago_s * 1000,
            lock=lock,
            contact=contact,
            alarms=alarms,
            firmware="0.1.0",
        )
        self._device(
            controller,
            lambda work, device: reports.door_state(work, device, state, retained=False),
        )

    def reports_health(self, gate: str, knowledge_age_s: int, waiting: int = 0) -> None:
        """Let a gate say how it fares."""
        fares = GateHealth(
            at=self.clock.now(),
            software="0.1.0",
            uptime_s=86_400,
            knowledge_age_s=knowledge_age_s,
            clock_trusted=True,
            journal=JOURNAL,
            journal_sequence=4211,
            journal_waiting=waiting,
            malformed_messages=0,
            readers=(
                ReaderHealth(
                    access_point="main-gate-in",
                    camera_ok=True,
                    frames_per_second=14.8,
                    decode_ms=2.1,
                ),
                ReaderHealth(
                    access_point="sakura-in",
                    camera_ok=False,
                    frames_per_second=0.0,
                    decode_ms=0.0,
                    trouble="camera 1 sends no picture",
                ),
            ),
            temperature_c=51.2,
            disk_free_mb=21_480,
            memory_mb=97,
            passages_waiting=0,
            certificate_expires=self.clock.now() + timedelta(days=61),
        )
        self._device(gate, lambda work, device: reports.health(work, device, fares))

    def _device(self, name: str, say: Callable[[Work, Device], None]) -> None:
        with self.office.begin(Principal.for_device(DeviceId(name), SITE)) as work:
            say(work, work.session.get_one(Device, DeviceId(name)))


def busy_day(site: PanelSite) -> list[Visitor]:
    """Play a day at the site until its present moment; return the visitors of the first visit."""
    now = site.clock.now()
    site.clock.set(now - timedelta(minutes=50))
    _, early = site.invite(("Li Wei", "Guangming Optoelectronics"), title="Monthly review")
    _, first = site.invite(
        ("Anna Keller", "Nordwind Optics GmbH"),
        ("山田 太郎", "株式会社ひかり"),
        starts_in=timedelta(minutes=36),
    )
    site.invite(
        ("Maximilian-Alexander von Hohenstein-Sonderburg", "Institut für Feinmechanik"),
        ("Tom Becker", ""),
        starts_in=timedelta(hours=2),
        title="Calibration",
    )
    site.invite(("鈴木 花子", "鈴木製作所"), starts_in=timedelta(days=1), language=Language.JA)
    site.comes("gate-1", "turnstile-1", "door-sakura")
    site.reports_health("gate-1", 20)
    site.reports_door("turnstile-1", Lock.LOCKED, Contact.NONE)
    site.reports_door("door-sakura", Lock.LOCKED, Contact.CLOSED)
    passed = (Outcome.OPENED, Outcome.PASSED)
    timed: list[tuple[int, str, Visitor | None, DenyReason | None, tuple[Outcome, ...]]] = [
        (48, "main-gate-in", early[0], None, passed),
        (46, "sakura-door-in", early[0], None, (Outcome.OPENED,)),
        (31, "main-gate-in", None, DenyReason.SEVERAL_CODES, ()),
        (12, "main-gate-in", first[1], None, passed),
        (9, "sakura-door-in", first[1], None, passed),
        (7, "main-gate-in", None, DenyReason.BAD_SIGNATURE, ()),
        (5, "server-room-in", first[1], DenyReason.WRONG_ZONE, ()),
        (1, "main-gate-in", first[0], None, passed),
    ]
    for minutes, point, guest, reason, outcomes in timed:
        site.clock.set(now - timedelta(minutes=minutes, seconds=minutes * 7 % 60))
        site.presented(point, CredentialId(guest.credential) if guest else None, reason, *outcomes)
    site.clock.set(now)
    site.reports_health("gate-1", 12)
    return first
