"""Sites, floors, zones, portals, access points and rooms, and their queries."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import JSON, ForeignKeyConstraint, Integer
from sqlmodel import Field, Session, col, select

from access_protocol import presence
from access_protocol.credential import CredentialClass
from access_protocol.ids import AccessPointId, DeviceId, PortalId, SiteCode, ZoneNumber
from access_protocol.knowledge import AntiPassback, Direction
from access_protocol.wording import Language
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import FloorId, RoomId
from server.kernel.pagination import Page, PageQuery, paginate
from server.places.rules import FailMode, PortalKind, admitted_classes


class Named(Protocol):
    """A place with a name, and perhaps names in other languages."""

    name: str
    translations: dict[str, str]


def name_in(place: Named, language: str) -> str:
    """Return the place's name in a language, or its first name where it has none in it."""
    return place.translations.get(language, place.name)


class Site(Record, table=True):
    """A building or office that receives visitors; its code is the audience of its credentials."""

    __tablename__ = "places_site"  # pyright: ignore[reportAssignmentType]

    code: SiteCode = Field(primary_key=True, sa_type=text(3))
    name: str = Field(max_length=80)
    translations: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    address: str = Field(default="", max_length=300)
    time_zone: str = Field(max_length=64)
    languages: list[str] = Field(sa_type=JSON)
    approval_required: bool = False
    """Whether security approves a visit before its credentials are issued."""
    static_zones: list[int] = Field(default_factory=list[int], sa_type=JSON)
    """Zones that static (printed or mailed) credentials may enter."""
    staff_zones: list[int] = Field(default_factory=list[int], sa_type=JSON)
    """Zones that the passes of the house's own people open, where nothing else was set for a person."""
    static_staleness_h: int = 24
    """After so many hours without contact a gate admits no static credentials any more."""
    staleness_h: int = 72
    """After so many hours without contact it admits no visitor any more."""
    created_at: datetime


class Floor(Record, table=True):
    """A storey of a site; 0 is the ground floor."""

    __tablename__ = "places_floor"  # pyright: ignore[reportAssignmentType]

    id: FloorId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    number: int
    name: str = Field(max_length=80)
    translations: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)


class Zone(Record, table=True):
    """An area behind access points; credentials name the zones they open by number."""

    __tablename__ = "places_zone"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    number: ZoneNumber = Field(
        primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False}, ge=1
    )
    name: str = Field(max_length=80)
    translations: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    floor: FloorId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="places_floor.id", index=True
    )
    anti_passback: AntiPassback = Field(
        default=AntiPassback.OFF, sa_type=stored_as_text(AntiPassback)
    )
    """What happens at a second entry without an exit between."""
    forgiven_after_min: int | None = None
    """After so many minutes an entry is forgiven; None: never by time alone."""

    @property
    def forgiven_after(self) -> timedelta | None:
        """After how long an entry is forgiven."""
        minutes = self.forgiven_after_min
        return None if minutes is None else timedelta(minutes=minutes)


class Portal(Record, table=True):
    """A door, turnstile or vending machine."""

    __tablename__ = "places_portal"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    id: PortalId = Field(primary_key=True, sa_type=text(32))
    name: str = Field(max_length=80)
    translations: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    kind: PortalKind = Field(sa_type=stored_as_text(PortalKind))
    fail_mode: FailMode = Field(sa_type=stored_as_text(FailMode))


class AccessPoint(Record, table=True):
    """One side of a portal where a credential is presented."""

    __tablename__ = "places_access_point"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        ForeignKeyConstraint(["site", "portal"], ["places_portal.site", "places_portal.id"]),
        ForeignKeyConstraint(["site", "zone"], ["places_zone.site", "places_zone.number"]),
    )

    site: SiteCode = Field(primary_key=True, sa_type=text(3))
    id: AccessPointId = Field(primary_key=True, sa_type=text(32))
    portal: PortalId = Field(sa_type=text(32))
    zone: int
    """The zone it leads into (direction in) or out of (direction out)."""
    direction: Direction = Field(sa_type=stored_as_text(Direction))
    classes: list[str] = Field(sa_type=JSON)
    """Credential classes it accepts; static ones also need the site's leave for the zone."""
    single_entry: bool = True
    """Whether a static credential passes here once only."""
    pulse_ms: int
    gate: DeviceId | None = Field(default=None, sa_type=text(32), index=True)
    """The gate agent whose reader is here."""
    controller: DeviceId | None = Field(default=None, sa_type=text(32), index=True)
    """The door controller that opens the portal."""
    presence_ways: list[list[str]] = Field(
        default_factory=lambda: presence.written(presence.DEFAULT), sa_type=JSON
    )
    """What a visitor who scanned the poster here must show; see `access_protocol.presence`."""

    @property
    def gives_out(self) -> bool:
        """Whether it stands at a vending machine, which takes vouchers and lets nobody through."""
        return CredentialClass.VOUCHER in self.classes

    @property
    def ways(self) -> presence.Ways:
        """What a visitor who scanned the poster here must show: any one of these in full."""
        return presence.ways(self.presence_ways)

    @property
    def pulse(self) -> timedelta:
        """How long the lock is released."""
        return timedelta(milliseconds=self.pulse_ms)

    def admitted(self, site: Site) -> frozenset[CredentialClass]:
        """Return the classes admitted here by the access point and the site's policy together."""
        accepted = [CredentialClass(each) for each in self.classes]
        return admitted_classes(accepted, self.zone, site.static_zones)


class Room(Record, table=True):
    """A room where visits take place."""

    __tablename__ = "places_room"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        ForeignKeyConstraint(["site", "zone"], ["places_zone.site", "places_zone.number"]),
        ForeignKeyConstraint(["site", "portal"], ["places_portal.site", "places_portal.id"]),
    )

    id: RoomId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    name: str = Field(max_length=80)
    translations: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    zone: int
    """The zone that the room is, or lies in."""
    portal: PortalId | None = Field(default=None, sa_type=text(32))
    """Its door, where it has one of its own."""
    floor: FloorId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="places_floor.id", index=True
    )
    capacity: int | None = None
    bookable: bool = True


class FloorPlan(Record, table=True):
    """The plan of one floor, as features of the Indoor Mapping Data Format (IMDF 1.0.0, OGC 20-094)."""

    __tablename__ = "places_plan"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    ordinal: int = Field(
        primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False}
    )
    """Storeys above the ground floor, which is 0; as `Floor.number`."""
    floor: FloorId = Field(sa_type=ID_COLUMN, foreign_key="places_floor.id", index=True)
    document: str
    """JSON: its features by the names of IMDF's files, without what nothing here reads."""
    digest: str = Field(sa_type=text(64))
    """SHA-256 over the plans of all floors that were imported together, as hex."""
    imported_at: datetime


def site_with(session: Session, code: SiteCode) -> Site | None:
    """Return a site."""
    return session.get(Site, code)


def sites(session: Session, query: PageQuery) -> Page[Site]:
    """Return the sites in the order of their codes."""
    return paginate(session, select(Site), [col(Site.code)], query)


def all_sites(session: Session) -> Sequence[Site]:
    """Return every site; there are few."""
    return session.exec(select(Site).order_by(Site.code)).all()


def floors(session: Session, site: SiteCode, query: PageQuery) -> Page[Floor]:
    """Return a site's floors from below upwards."""
    statement = select(Floor).where(Floor.site == site)
    return paginate(session, statement, [col(Floor.number), col(Floor.id)], query)


def zones(session: Session, site: SiteCode, query: PageQuery) -> Page[Zone]:
    """Return a site's zones by number."""
    return paginate(session, select(Zone).where(Zone.site == site), [col(Zone.number)], query)


def all_zones(session: Session, site: SiteCode) -> Sequence[Zone]:
    """Return every zone of a site by number; there are 23 at most."""
    return session.exec(select(Zone).where(Zone.site == site).order_by(col(Zone.number))).all()


def access_points_of_site(session: Session, site: SiteCode) -> Sequence[AccessPoint]:
    """Return every access point of a site by portal."""
    statement = select(AccessPoint).where(AccessPoint.site == site)
    return session.exec(statement.order_by(AccessPoint.portal, AccessPoint.id)).all()


def zone_names(session: Session, site: SiteCode, language: Language) -> Mapping[int, str]:
    """Return the name of each zone of a site in a language."""
    found = session.exec(select(Zone).where(Zone.site == site)).all()
    return {zone.number: name_in(zone, language) for zone in found}


def portals(session: Session, site: SiteCode, query: PageQuery) -> Page[Portal]:
    """Return a site's portals."""
    return paginate(session, select(Portal).where(Portal.site == site), [col(Portal.id)], query)


def access_points(session: Session, site: SiteCode, query: PageQuery) -> Page[AccessPoint]:
    """Return a site's access points."""
    statement = select(AccessPoint).where(AccessPoint.site == site)
    return paginate(session, statement, [col(AccessPoint.id)], query)


def access_points_of_gate(
    session: Session, site: SiteCode, gate: DeviceId
) -> Sequence[AccessPoint]:
    """Return the access points whose readers a gate agent serves."""
    statement = select(AccessPoint).where(AccessPoint.site == site, AccessPoint.gate == gate)
    return session.exec(statement.order_by(AccessPoint.id)).all()


def access_points_of_controller(
    session: Session, site: SiteCode, controller: DeviceId
) -> Sequence[AccessPoint]:
    """Return the access points of the portal that a controller opens."""
    statement = select(AccessPoint).where(
        AccessPoint.site == site, AccessPoint.controller == controller
    )
    return session.exec(statement.order_by(AccessPoint.id)).all()


def access_points_of_portal(
    session: Session, site: SiteCode, portal: PortalId
) -> Sequence[AccessPoint]:
    """Return the access points of a portal."""
    statement = select(AccessPoint).where(AccessPoint.site == site, AccessPoint.portal == portal)
    return session.exec(statement.order_by(AccessPoint.id)).all()


def rooms(session: Session, site: SiteCode, query: PageQuery) -> Page[Room]:
    """Return a site's rooms by name."""
    statement = select(Room).where(Room.site == site)
    return paginate(session, statement, [col(Room.name), col(Room.id)], query)


def floor_plans(session: Session, site: SiteCode) -> Sequence[FloorPlan]:
    """Return the plans of a site's floors from below upwards."""
    statement = select(FloorPlan).where(FloorPlan.site == site)
    return session.exec(statement.order_by(col(FloorPlan.ordinal))).all()


def floors_of(session: Session, site: SiteCode) -> Sequence[Floor]:
    """Return every floor of a site from below upwards."""
    statement = select(Floor).where(Floor.site == site)
    return session.exec(statement.order_by(col(Floor.number), col(Floor.id))).all()


def portals_of(session: Session, site: SiteCode) -> Sequence[Portal]:
    """Return every portal of a site."""
    return session.exec(select(Portal).where(Portal.site == site).order_by(Portal.id)).all()


def rooms_of(session: Session, site: SiteCode) -> Sequence[Room]:
    """Return every room of a site by name."""
    statement = select(Room).where(Room.site == site)
    return session.exec(statement.order_by(Room.name, col(Room.id))).all()
