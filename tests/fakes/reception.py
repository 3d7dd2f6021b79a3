"""A reception on a real database with everything joined as the app joins it: a site, its people, a clock to move."""

from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from sqlmodel import Session, col, select

from access_protocol import credential as credentials
from access_protocol.ids import AccessPointId, PortalId, SiteCode, ZoneNumber
from access_protocol.wording import Language
from server.app import create_office
from server.credentials import models as issued
from server.credentials.models import Credential
from server.kernel import outbox, schema
from server.kernel.clock import FixedClock
from server.kernel.ids import PersonId, RoomId, VisitorId
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.kernel.work import Office, Work
from server.notifications import mail
from server.notifications.mail import ReadMail
from server.notifications.messages import Catcher
from server.notifications.models import CaughtMail
from server.notifications.rules import opened
from server.people import actions as people
from server.people.actions import NewPerson, NewToken
from server.people.rules import Role, rights_of
from server.places import actions as places
from server.places.actions import (
    AccessPointInput,
    FloorInput,
    NewSite,
    PortalInput,
    RoomInput,
    ZoneInput,
)
from server.places.models import Site
from server.places.rules import PortalKind
from server.visits import actions as visits
from server.visits import models as visit_models
from server.visits.actions import NewVisit, NewVisitor
from server.visits.models import Visit, Visitor
from tests.services.template import just_before, scene

NOW = datetime(2026, 4, 1, 5, 0, tzinfo=UTC)
SITE = SiteCode("TYO")
ROOM_DOOR = AccessPointId("sakura-in")
MAIN_GATE = AccessPointId("main-gate-in")
SECRETS = ("0a9Zk1Lq8Wm2Xn7Vb4Yc5Td6Rf3Hj8Pb", "9o8Iu7Yt6Re5Wq4As3Df2Gh1Jk0Lz6Xc")
SYSTEM = Principal.system("tests")


@dataclass
class Reception:
    """One office, its people as principals, and what a test asks of them."""

    office: Office
    clock: FixedClock
    room: RoomId
    people: dict[str, PersonId]

    def as_(self, name: str) -> Principal:
        """The signed-in person: host, other (another host), security or admin."""
        role = {"host": Role.HOST, "other": Role.HOST, "security": Role.SECURITY}
        rights = rights_of([role.get(name, Role.ADMINISTRATOR)])
        return Principal.for_person(self.people[name], rights)

    @contextmanager
    def work(self, name: str = "host") -> Generator[Work]:
        """A piece of work for this person."""
        with self.office.begin(self.as_(name)) as work:
            yield work

    def token_of(self, name: str) -> str:
        """A fresh API token of this person, with every right that they have."""
        who = self.as_(name)
        with self.office.begin(who) as work:
            new = NewToken(name="tests", scopes=sorted(who.rights))
            return people.create_token(work, new)[1]

    def require_approval(self) -> None:
        """From now on security approves the visits of the site."""
        with self.office.begin(SYSTEM) as work:
            work.session.get_one(Site, SITE).approval_required = True

    def new_visit(self, *emails: str, **wanted: object) -> NewVisit:
        """A visit of two hours to Sakura, an hour from now."""
        guests = [
            NewVisitor(name=f"Guest {number}", email=email)
            for number, email in enumerate(emails or ("taro@example.jp",), 1)
        ]
        return NewVisit.model_validate(
            {
                "title": "Kick-off",
                "starts_at": self.clock.now() + timedelta(hours=1),
                "ends_at": self.clock.now() + timedelta(hours=3),
                "room": self.room,
                "visitors": guests,
            }
            | wanted
        )

    def invite(self, *emails: str, by: str = "host", **wanted: object) -> Visit:
        """Make a visit."""
        with self.work(by) as work:
            return visits.create(work, self.new_visit(*emails, **wanted))

    def guests_of(self, visit: Visit) -> list[Visitor]:
        """Everyone invited to a visit."""
        with Session(self.office.engine) as session:
            return list(visit_models.visitors_of(session, visit.id))

    def deliver(self) -> None:
        """Send every mail that is due, into the catcher."""
        while outbox.send_due(self.office, {"mail": Catcher(self.office)}):
            pass

    def mails(self) -> list[ReadMail]:
        """Deliver, and return every mail ever caught, oldest first."""
        self.deliver()
        with Session(self.office.engine) as session:
            found = session.exec(select(CaughtMail).order_by(col(CaughtMail.id))).all()
            return [mail.read(opened(self.office.sealer, each.sealed_message)) for each in found]

    def subjects(self) -> list[str]:
        """What stands above every mail ever caught, up to the first colon."""
        return [each.subject.partition(":")[0] for each in self.mails()]

    def pass_of(self, visitor: VisitorId) -> credentials.Credential | None:
        """The claims of a visitor's credential that counts at present."""
        with Session(self.office.engine) as session:
            found = issued.current_issue(session, visitor)
            if found is None:
                return None
            keys = [key.public for key in issued.issuer_keys(session, SITE)]
            return credentials.verify_issuer(credentials.read(found.text), lambda _hint: keys)

    def held_by(self, visitor: VisitorId) -> Credential | None:
        """What the server knows of a visitor's credential."""
        with Session(self.office.engine) as session:
            return issued.of_visitor(session, visitor)


def settings_for(database_url: str, folder: Path) -> Settings:
    """Settings with secrets of a test's own."""
    return Settings(
        database_url=database_url,
        data_folder=folder,
        secret_key=SecretStr(SECRETS[0]),
        master_key=SecretStr(SECRETS[1]),
        worker_wake="",
    )


def open_reception(database_url: str, folder: Path) -> Reception:
    """A site and its people on a database that has no row yet."""
    clock = FixedClock(NOW)
    settings = settings_for(database_url, folder)

    def write() -> tuple[RoomId, dict[str, PersonId]]:
        with closing(create_office(settings, just_before(clock))) as office:
            schema.migrate(office.engine)
            with office.begin(SYSTEM) as work:
                room = _places(work)
                return room, {name: _person(work, name, role) for name, role in _PEOPLE.items()}

    room, known = scene("reception", database_url, write)
    return Reception(create_office(settings, clock), clock, room, dict(known))


_PEOPLE = {
    "host": Role.HOST,
    "other": Role.HOST,
    "security": Role.SECURITY,
    "admin": Role.ADMINISTRATOR,
}


def _person(work: Work, name: str, role: Role) -> PersonId:
    new = NewPerson(
        email=f"{name}@genkan.example",
        name=name.capitalize(),
        language=Language.EN,
        roles=[role],
    )
    return people.create_person(work, new).id


def _places(work: Work) -> RoomId:
    site = NewSite(
        code=SITE, name="Tokyo Office", time_zone="Asia/Tokyo", address="", static_zones=[1, 2, 3]
    )
    places.create_site(work, site)
    floor = places.create_floor(work, SITE, FloorInput(number=3, name="3rd floor"))
    for number, name in enumerate(("Hall", "Offices", "Rooms", "Servers"), 1):
        places.put_zone(work, SITE, ZoneNumber(number), ZoneInput(name=name))
    gate = PortalInput(name="Main gate", kind=PortalKind.TURNSTILE)
    places.put_portal(work, SITE, PortalId("main-gate"), gate)
    door = PortalInput(name="Sakura", kind=PortalKind.DOOR)
    places.put_portal(work, SITE, PortalId("sakura-door"), door)
    in_gate = AccessPointInput(portal="main-gate", zone=2, gate="gate-1", controller="turnstile-1")
    places.put_access_point(work, SITE, MAIN_GATE, in_gate)
    in_door = AccessPointInput(
        portal="sakura-door", zone=3, gate="gate-1", controller="door-sakura"
    )
    places.put_access_point(work, SITE, ROOM_DOOR, in_door)
    room = RoomInput(name="Sakura", zone=3, portal="sakura-door", floor=floor.id)
    return places.create_room(work, SITE, room).id
