"""Amnesty: a guard forgives entries up to now, so that anti-passback lets people in again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session, col, func, select

from access_protocol.feeds import LastPassage
from access_protocol.ids import CredentialId, Direction, EventId, SiteCode, ZoneNumber
from server.access import feeds
from server.access.models import Amnesty
from server.kernel import live
from server.kernel.errors import Invalid
from server.kernel.events import Event
from server.kernel.ids import VisitorId
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.places import models as places
from server.places.models import Zone
from server.visits import models as visits

PASSAGE_KEPT = timedelta(days=8)
"""A little longer than the longest time after which a zone may forgive."""


@dataclass(frozen=True, kw_only=True)
class AmnestyGranted(Event):
    """A guard forgave entries: of a zone or the whole site, of one visitor or everybody."""

    amnesty: str
    site: SiteCode
    zone: ZoneNumber | None
    credential: CredentialId | None
    reason: str


class NewAmnesty(BaseModel):
    """Whose entries are forgiven, and why; the reason stays in the audit trail."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Line, Field(min_length=1, max_length=500, examples=["Fire drill"])]
    zone: int | None = Field(default=None, ge=1, le=23, description="Left out: the whole site.")
    visitor: str | None = Field(
        default=None, pattern="^[0-9a-f]{32}$", description="Left out: everybody."
    )


def grant(work: Work, site: SiteCode, wanted: NewAmnesty) -> Amnesty:
    """Forgive the entries up to now; the gates hear of it at once."""
    require(work.principal, Right.DOORS_COMMAND, site)
    if places.site_with(work.session, site) is None:
        raise Invalid([("site", f"there is no site {site}")])
    zone = None if wanted.zone is None else ZoneNumber(wanted.zone)
    if zone is not None and work.session.get(Zone, (site, zone)) is None:
        raise Invalid([("zone", f"site {site} has no zone {zone}")])
    row = Amnesty(
        id=work.ids.new(),
        site=site,
        zone=zone,
        credential=_credential(work, site, wanted.visitor),
        at=work.now,
        person=work.principal.person,
        reason=wanted.reason,
    )
    work.session.add(row)
    work.session.flush()
    if row.credential is not None:
        _let_out(work, row, row.credential)
    work.record(
        AmnestyGranted(
            amnesty=row.id, site=site, zone=zone, credential=row.credential, reason=row.reason
        )
    )
    live.notice(work, "access", site=site)
    return row


def newest(session: Session, site: SiteCode) -> Mapping[ZoneNumber | None, datetime]:
    """Return when everybody's entries were last forgiven, by zone; None stands for the whole site."""
    statement = (
        select(Amnesty.zone, func.max(col(Amnesty.at)))
        .where(Amnesty.site == site, col(Amnesty.credential).is_(None))
        .group_by(col(Amnesty.zone))
    )
    return {
        None if zone is None else ZoneNumber(zone): at for zone, at in session.exec(statement).all()
    }


def _credential(work: Work, site: SiteCode, visitor: str | None) -> CredentialId | None:
    if visitor is None:
        return None
    found = visits.with_visitor(work.session, VisitorId(visitor))
    if found is None or found[0].site != site:
        raise Invalid([("visitor", f"site {site} expects no such visitor")])
    return CredentialId(bytes(found[1].credential))


def _let_out(work: Work, row: Amnesty, credential: CredentialId) -> None:
    """Tell the gates that one visitor is out of the zone, or of all: their policy speaks of everybody only."""
    zones = (
        [row.zone]
        if row.zone is not None
        else [ZoneNumber(zone.number) for zone in places.all_zones(work.session, row.site)]
    )
    event = EventId(str(UUID(work.ids.new())))
    gone = [LastPassage(credential, zone, Direction.OUT, work.now, event) for zone in zones]
    until = work.now + PASSAGE_KEPT
    feeds.publish(work, row.site, [feeds.passage(each, until) for each in gone], push_passages=True)
