"""Vending machines, what they hold, who was offered and ordered what, and every movement of stock."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
)
from sqlmodel import Field, Session, col, func, select

from access_protocol.ids import CREDENTIAL_ID_BYTES, CredentialId, EventId, PortalId, SiteCode
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import ItemId, MovementId, OrderId, PersonId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery, paginate
from server.refreshments.rules import COUNTED, OPEN, MovementKind, OrderState, Why

_PORTAL: Any = text(32)
_CREDENTIAL: Any = LargeBinary(CREDENTIAL_ID_BYTES)
_MACHINE: Any = (
    ("site", "machine"),
    (
        "refreshments_machine.site",
        "refreshments_machine.portal",
    ),
)


class Allowance(Record, table=True):
    """How many drinks a site gives away. Whoever orders, settles or counts stock there locks this row first."""

    __tablename__ = "refreshments_allowance"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    per_visit: int = Field(default=1, sa_type=BigInteger)
    """To each visitor in one visit."""
    per_day: int | None = Field(default=None, sa_type=BigInteger)
    """To all visitors together in one day of the site; None: no limit."""


class Machine(Record, table=True):
    """A vending machine: the portal it is, after which portals it is offered, and who refills it."""

    __tablename__ = "refreshments_machine"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        ForeignKeyConstraint(["site", "portal"], ["places_portal.site", "places_portal.id"]),
    )

    site: SiteCode = Field(primary_key=True, sa_type=text(3))
    portal: PortalId = Field(primary_key=True, sa_type=_PORTAL)
    offered_after: list[str] = Field(default_factory=list[str], sa_type=JSON)
    """Portals; whoever comes in through one of them is asked whether they would like a drink."""
    low_stock: int = Field(default=2, sa_type=BigInteger)
    """A slot with so many or fewer is to be refilled."""
    refill_person: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id", ondelete="SET NULL"
    )
    refill_mail: str = Field(default="", max_length=254)
    """Who is told of low stock where it is no person with an account, or as well as that person."""
    created_at: datetime


class Item(Record, table=True):
    """Something to drink or eat, with its names, notes (allergens) and picture."""

    __tablename__ = "refreshments_item"  # pyright: ignore[reportAssignmentType]

    id: ItemId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code", index=True)
    name: str = Field(max_length=80)
    translations: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    note: str = Field(default="", max_length=200)
    note_translations: dict[str, str] = Field(default_factory=dict[str, str], sa_type=JSON)
    picture: str = Field(default="", max_length=64)
    """SHA-256 of its picture's bytes in hexadecimal; empty: it has none."""
    retired_at: datetime | None = None
    """From when on it is offered no more; what was taken of it stays in the figures."""


class Picture(Record, table=True):
    """An item's picture, as we wrote it ourselves: WebP, at most 480 pixels wide and high, nothing else in it."""

    __tablename__ = "refreshments_picture"  # pyright: ignore[reportAssignmentType]

    item: ItemId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="refreshments_item.id", ondelete="CASCADE"
    )
    body: bytes


class Slot(Record, table=True):
    """One slot of a machine: what lies in it and how much, by our own count."""

    __tablename__ = "refreshments_slot"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        ForeignKeyConstraint(*_MACHINE, ondelete="CASCADE"),
        CheckConstraint("stock >= 0", name="stock"),
        CheckConstraint("stock <= capacity", name="capacity"),
    )

    site: SiteCode = Field(primary_key=True, sa_type=text(3))
    machine: PortalId = Field(primary_key=True, sa_type=_PORTAL)
    number: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    item: ItemId | None = Field(default=None, sa_type=ID_COLUMN, foreign_key="refreshments_item.id")
    capacity: int = Field(sa_type=BigInteger)
    stock: int = Field(default=0, sa_type=BigInteger)
    restocked_at: datetime | None = None
    """The machine noticed a refill that nobody has counted yet."""
    low_told_at: datetime | None = None
    """Whoever refills was told that it runs low, and it was not refilled since."""


class Offer(Record, table=True):
    """A visitor was asked whether they would like a drink from this machine."""

    __tablename__ = "refreshments_offer"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (ForeignKeyConstraint(*_MACHINE, ondelete="CASCADE"),)

    visitor: VisitorId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE"
    )
    site: SiteCode = Field(primary_key=True, sa_type=text(3))
    machine: PortalId = Field(primary_key=True, sa_type=_PORTAL)
    at: datetime
    declined_at: datetime | None = None
    """They said no, thanks: the page asks no more, and they can still come back to it."""


class Order(Record, table=True):
    """One choice of a visitor, from its voucher to what the machine said. It holds ids only."""

    __tablename__ = "refreshments_order"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        ForeignKeyConstraint(*_MACHINE),
        Index(None, "site", "machine", "slot", "state"),
        Index(None, "site", "chosen_at"),
        Index(None, "state", "expires_at"),
    )

    id: OrderId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3))
    machine: PortalId = Field(sa_type=_PORTAL)
    visitor: VisitorId | None = Field(default=None, sa_type=ID_COLUMN, index=True)
    """None once the visitor was forgotten."""
    visit: VisitId | None = Field(default=None, sa_type=ID_COLUMN, index=True)
    item: ItemId = Field(sa_type=ID_COLUMN, foreign_key="refreshments_item.id")
    slot: int = Field(sa_type=BigInteger)
    state: OrderState = Field(sa_type=stored_as_text(OrderState))
    credential: CredentialId = Field(sa_type=_CREDENTIAL, unique=True)
    """Its one voucher that counts; another one takes its place where a poster is scanned."""
    event: EventId | None = Field(default=None, sa_type=text(36), index=True)
    """The access decision that accepted the voucher."""
    why: Why | None = Field(default=None, sa_type=stored_as_text(Why))
    """Why nothing dropped; set exactly in state RETURNED."""
    chosen_at: datetime
    expires_at: datetime
    begun_at: datetime | None = None
    settled_at: datetime | None = None


class StockMovement(Record, table=True):
    """One change of a slot's stock: what, how many, by whom."""

    __tablename__ = "refreshments_movement"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index(None, "site", "machine", "at", "id"),
        Index(None, "site", "kind", "at"),
    )

    id: MovementId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3))
    machine: PortalId = Field(sa_type=_PORTAL)
    slot: int = Field(sa_type=BigInteger)
    item: ItemId | None = Field(default=None, sa_type=ID_COLUMN)
    kind: MovementKind = Field(sa_type=stored_as_text(MovementKind))
    change: int = Field(sa_type=BigInteger)
    stock: int = Field(sa_type=BigInteger)
    """How many there were afterwards."""
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    order: OrderId | None = Field(default=None, sa_type=ID_COLUMN, index=True)
    note: str = Field(default="", max_length=200)
    at: datetime


def note_in(item: Item, language: str) -> str:
    """Return the item's note in a language, or the first one where it has none in it."""
    return item.note_translations.get(language, item.note)


def machines(session: Session, site: SiteCode | None = None) -> Sequence[Machine]:
    """Return the machines, by site and portal."""
    statement = select(Machine).order_by(col(Machine.site), col(Machine.portal))
    if site is not None:
        statement = statement.where(Machine.site == site)
    return session.exec(statement).all()


def slots(session: Session, site: SiteCode, machine: PortalId) -> Sequence[Slot]:
    """Return a machine's slots by number."""
    statement = select(Slot).where(Slot.site == site, Slot.machine == machine)
    return session.exec(statement.order_by(col(Slot.number))).all()


def items(session: Session, site: SiteCode, *, retired: bool = False) -> Sequence[Item]:
    """Return a site's items by name; `retired`: also those offered no more."""
    statement = select(Item).where(Item.site == site).order_by(col(Item.name), col(Item.id))
    if not retired:
        statement = statement.where(col(Item.retired_at).is_(None))
    return session.exec(statement).all()


def reserved(session: Session, site: SiteCode, machine: PortalId) -> dict[int, int]:
    """Return how many of each slot open orders wait for."""
    statement = (
        select(Order.slot, func.count())
        .where(Order.site == site, Order.machine == machine, col(Order.state).in_(OPEN))
        .group_by(col(Order.slot))
    )
    return {int(slot): int(count) for slot, count in session.exec(statement).all()}


def orders_of(session: Session, visitor: VisitorId) -> Sequence[Order]:
    """Return a visitor's orders, the latest first."""
    statement = select(Order).where(Order.visitor == visitor)
    return session.exec(statement.order_by(col(Order.chosen_at).desc(), col(Order.id).desc())).all()


def offers_of(session: Session, visitor: VisitorId) -> Sequence[Offer]:
    """Return what a visitor was offered, the latest first."""
    statement = select(Offer).where(Offer.visitor == visitor)
    return session.exec(statement.order_by(col(Offer.at).desc())).all()


def of_visitors(session: Session, visitors: Iterable[VisitorId]) -> Sequence[Order]:
    """Return the orders of these visitors, the earliest first, with one query."""
    statement = select(Order).where(col(Order.visitor).in_(list(visitors)))
    return session.exec(statement.order_by(col(Order.chosen_at), col(Order.id))).all()


def counted_since(session: Session, site: SiteCode, since: datetime) -> int:
    """Return how many drinks the site has given, or promised, since a moment."""
    statement = select(func.count()).where(
        Order.site == site, Order.chosen_at >= since, col(Order.state).in_(COUNTED)
    )
    return session.exec(statement).one()


def by_voucher(session: Session, credentials: Iterable[CredentialId]) -> Sequence[Order]:
    """Return the orders whose voucher is one of these."""
    return session.exec(select(Order).where(col(Order.credential).in_(list(credentials)))).all()


def by_event(session: Session, events: Iterable[EventId]) -> Sequence[Order]:
    """Return the orders that were accepted in one of these decisions."""
    return session.exec(select(Order).where(col(Order.event).in_(list(events)))).all()


def movements(
    session: Session,
    query: PageQuery,
    *,
    site: SiteCode | None = None,
    machine: PortalId | None = None,
) -> Page[StockMovement]:
    """Return movements of stock, newest first."""
    statement = select(StockMovement)
    if site is not None:
        statement = statement.where(StockMovement.site == site)
    if machine is not None:
        statement = statement.where(StockMovement.machine == machine)
    order = [col(StockMovement.at), col(StockMovement.id)]
    return paginate(session, statement, order, query, newest_first=True)


def dispensed_since(session: Session, site: SiteCode, since: datetime) -> Sequence[StockMovement]:
    """Return what was taken at a site since a moment, the earliest first."""
    statement = select(StockMovement).where(
        StockMovement.site == site,
        StockMovement.kind == MovementKind.DISPENSED,
        StockMovement.at >= since,
    )
    return session.exec(statement.order_by(col(StockMovement.at))).all()
