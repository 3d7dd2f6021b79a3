"""A visitor's phone before the poster at a door, with a server and a controller on a broker in memory."""

from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import select

from access_protocol import credential
from access_protocol.events import ControllerEvent, ControllerEventKind, Outcome
from access_protocol.ids import CredentialId
from access_protocol.keys import HolderKey
from access_protocol.presence import Presence
from access_protocol.topics import SERVER, Subject
from access_protocol.transport.memory import MemoryBroker
from server.access import actions, models
from server.access.models import AccessEvent, DoorCommand, EntryKind
from server.credentials import actions as credentials
from server.devices.actions import public_keys
from server.devices.models import KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal, Right
from server.kernel.work import Office
from server.places import models as place_models
from tests.fakes.site import DOOR, HOST, SAKURA_IN, SYSTEM, TYO, VISITOR
from tests.fakes.worker import FakeController, FakeWorker

PHONE = ec.generate_private_key(ec.SECP256R1())
THE_VISITOR = Principal.for_visitor(VISITOR)
GUARD = Principal.for_person(HOST, {Right.ACCESS_READ, Right.DOORS_LOCKDOWN, Right.KEYS_MANAGE})
CODE = frozenset({Presence.CODE})
NOTHING = frozenset[Presence]()
BOOT = "00000000-0000-4000-8000-000000000001"


class Scene:
    """A visitor's phone before the poster at a door, on the day; `door` is its controller."""

    def __init__(self, office: Office, clock: FixedClock) -> None:
        self.office, self.clock, self.broker = office, clock, MemoryBroker()
        with office.begin(SYSTEM) as work:
            (key,) = public_keys(work, TYO, KeyPurpose.COMMAND)
            self.static = credentials.issue(work, VISITOR).text
            holder = HolderKey.of(PHONE.public_key())
            self.bound = credentials.bind(work, VISITOR, holder).message
        self.worker = FakeWorker(office, self.broker)
        self.door = FakeController(self.broker, DOOR, key)
        self.door.is_here()
        self.worker.send()
        self.told = 0

    def presented(self) -> str:
        return credential.to_text(credential.present(self.bound, PHONE, self.clock.now()))

    def refreshed(self) -> str:
        with self.office.reading(THE_VISITOR) as work:
            return credentials.refresh(work, VISITOR).text

    def scan(
        self,
        text: str | None = None,
        shown: frozenset[Presence] = CODE,
        who: Principal = THE_VISITOR,
    ) -> DoorCommand:
        texts = [self.presented() if text is None else text]
        with self.office.begin(who) as work:
            return actions.open_by_poster(work, TYO, SAKURA_IN, VISITOR, texts, shown)

    def command(self, asked: DoorCommand) -> DoorCommand:
        with self.office.reading(THE_VISITOR) as work:
            return actions.find_opening(work, asked.event)

    def door_says(self, what: ControllerEventKind, asked: DoorCommand) -> None:
        self.told += 1
        report = ControllerEvent(
            boot=BOOT, sequence=self.told, uptime_ms=self.told, what=what, event=asked.event
        )
        self.door.say(Subject.EVENT, report)

    def outcomes(self, asked: DoorCommand) -> list[Outcome]:
        with self.office.reading(SYSTEM) as work:
            found = models.outcomes_of(work.session, [asked.event])
        return found.get((SERVER, asked.event), [])

    def inside(self) -> list[tuple[CredentialId, int | None]]:
        with self.office.reading(SYSTEM) as work:
            return [(each.credential, each.zone) for each in models.inside(work.session, TYO)]

    def decisions(self) -> list[AccessEvent]:
        with self.office.reading(SYSTEM) as work:
            wanted = select(AccessEvent).where(AccessEvent.kind == EntryKind.DECISION)
            return sorted(work.session.exec(wanted).all(), key=lambda row: row.sequence)

    def held(self) -> CredentialId:
        with self.office.reading(SYSTEM) as work:
            found = actions.credentials.of_visitor(work.session, VISITOR)
            assert found is not None
            return found.id

    def change_point(self, **others: object) -> None:
        with self.office.begin(SYSTEM) as work:
            point = work.session.get_one(place_models.AccessPoint, (TYO, SAKURA_IN))
            for name, value in others.items():
                setattr(point, name, value)
            work.session.add(point)

    def walk_in(self, asked: DoorCommand) -> None:
        self.worker.send()
        self.door_says(ControllerEventKind.UNLOCKED, asked)
        self.door_says(ControllerEventKind.OPENED, asked)
