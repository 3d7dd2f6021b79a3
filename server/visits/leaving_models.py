"""How visits end for each visitor: who left and how, what the site decided about it, and who may be greeted again."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON
from sqlmodel import Field, Session, col, select

from access_protocol.ids import EventId, SiteCode
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import PersonId, VisitId, VisitorId


class CheckOutKind(StrEnum):
    """How it is known that a visitor left."""

    EXIT_GATE = "exit_gate"
    """A portal that leads out of the site reported their passage."""
    BY_ITSELF = "by_itself"
    """Nobody saw them leave; some time after the end they are taken to have left."""
    GUARD = "guard"
    """A person at the panel said so."""


class CheckOut(Record, table=True):
    """That a visitor left; taken back when they come in again."""

    __tablename__ = "visits_check_out"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE"
    )
    visit: VisitId = Field(sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True)
    site: SiteCode = Field(sa_type=text(3))
    how: CheckOutKind = Field(sa_type=stored_as_text(CheckOutKind))
    at: datetime
    event: EventId | None = Field(default=None, sa_type=text(36))
    """The passage, where a gate saw it."""
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN)
    """Who said so at the panel."""
    thanked_at: datetime | None = Field(default=None, index=True)
    """When the mail of thanks was written; it is written once."""
    returned_at: datetime | None = None
    """When they came in again: then the check-out counts no more, and the next one takes its place."""


class Leaving(Record, table=True):
    """What a site decided about leaving; one that decided nothing has the usual values and no row."""

    __tablename__ = "visits_leaving"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    by_itself_after_min: int = 60
    """So long after the end of a visit its visitors are taken to have left, if nobody saw it."""
    ends_pass: bool = False
    """Whether the pass ends with the first way out; otherwise it counts until the visit's end."""
    exits: list[str] = Field(default_factory=list[str], sa_type=JSON)
    """The portals that lead out of the site; none named: each whose way out is read and that is no room's door."""


class Returning(Record, table=True):
    """What somebody allowed us to keep for their next visit; found by the keyed hash of their address alone."""

    __tablename__ = "visits_returning"  # pyright: ignore[reportAssignmentType]

    email_hash: str = Field(primary_key=True, max_length=64)
    sealed_profile: bytes
    """Name, company, language, needs and the documents agreed to, as JSON, sealed."""
    consented_at: datetime
    used_at: datetime = Field(index=True)
    """The latest visit for which it was kept or used: from then on retention counts."""


def check_outs(session: Session, visitors: Iterable[VisitorId]) -> dict[VisitorId, CheckOut]:
    """Return the check-out of each of the visitors who has left and not come in again, with one query."""
    statement = select(CheckOut).where(
        col(CheckOut.visitor).in_(list(visitors)), col(CheckOut.returned_at).is_(None)
    )
    return {each.visitor: each for each in session.exec(statement).all()}


def leaving_of(session: Session, site: SiteCode) -> Leaving:
    """Return what a site decided about leaving; the usual where it decided nothing."""
    return session.get(Leaving, site) or Leaving(site=site)
