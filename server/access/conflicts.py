"""Double entries: found when the journals of gates that were cut from each other meet, whatever order they come in.

Two entries of one credential into a zone that follow each other, with nothing between, are a conflict. Each passage
that arrives is held against the one before and the one after it; what lay next to each other until then no longer
does. So the conflicts that stand depend on the passages alone, not on the order in which they arrived.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, or_, update
from sqlmodel import col, select

from access_protocol.ids import CredentialId, Direction, EventId, SiteCode, ZoneNumber
from access_protocol.knowledge import AntiPassback
from server.access import models
from server.access.models import Amnesty, AntiPassbackConflict, Passage
from server.kernel import live
from server.kernel.errors import Conflict, NotFound
from server.kernel.events import Event
from server.kernel.pagination import Page, PageQuery
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.upsert import insert_once
from server.kernel.work import Work
from server.places.models import Zone


@dataclass(frozen=True, kw_only=True)
class ConflictFound(Event):
    """Two entries of one credential into a zone, with no exit between."""

    site: SiteCode
    zone: ZoneNumber
    credential: CredentialId
    first_event: EventId
    second_event: EventId


@dataclass(frozen=True, kw_only=True)
class ConflictAcknowledged(Event):
    """A guard looked into a double entry."""

    conflict: str
    site: SiteCode
    note: str


class Acknowledge(BaseModel):
    """What a guard found out, if anything."""

    model_config = ConfigDict(extra="forbid")

    note: Line = Field(default="", max_length=500, examples=["Same visitor, both gates seen."])


def list_conflicts(
    work: Work, query: PageQuery, *, waiting_only: bool = False
) -> Page[AntiPassbackConflict]:
    """Return double entries, the latest first."""
    require(work.principal, Right.ACCESS_READ)
    return models.conflicts(work.session, query, waiting_only=waiting_only)


def acknowledge(work: Work, conflict: str, said: Acknowledge) -> AntiPassbackConflict:
    """Note that a guard looked into it; a second time changes nothing."""
    found = work.session.get(AntiPassbackConflict, conflict, with_for_update=True)
    if found is None:
        raise NotFound("There is no such conflict.")
    require(work.principal, Right.DOORS_COMMAND, found.site)
    if found.explained_at is not None:
        raise Conflict("A passage that arrived later explains this; there is nothing to look into.")
    if found.acknowledged_at is None:
        found.acknowledged_at, found.acknowledged_by = work.now, work.principal.person
        found.note = said.note
        work.session.add(found)
        work.record(ConflictAcknowledged(conflict=found.id, site=found.site, note=said.note))
        live.notice(work, "alarms", about=found.id, site=found.site)
    return found


def matter_in(work: Work, site: SiteCode, zone: ZoneNumber) -> bool:
    """Tell whether a double entry into this zone is anything to look for."""
    found = work.session.get(Zone, (site, zone))
    return found is not None and found.anti_passback is not AntiPassback.OFF


def look(work: Work, passage: Passage) -> None:
    """Hold a passage that was just stored against its neighbours in the zone.

    Call it while the site's feeds are locked: of two works that store neighbours the second one sees both.
    """
    zone = work.session.get(Zone, (passage.site, passage.zone))
    if zone is None or zone.anti_passback is AntiPassback.OFF:
        return
    before, after = _neighbour(work, passage, later=False), _neighbour(work, passage, later=True)
    if before is not None and after is not None:
        _explain(work, before, after)
    if before is not None:
        _compare(work, zone, before, passage)
    if after is not None:
        _compare(work, zone, passage, after)


def _neighbour(work: Work, passage: Passage, *, later: bool) -> Passage | None:
    at, event = col(Passage.at), col(Passage.event)
    beyond = (
        or_(at > passage.at, and_(at == passage.at, event > passage.event))
        if later
        else or_(at < passage.at, and_(at == passage.at, event < passage.event))
    )
    order = (at, event) if later else (at.desc(), event.desc())
    statement = (
        select(Passage)
        .where(
            Passage.credential == passage.credential,
            Passage.site == passage.site,
            Passage.zone == passage.zone,
            beyond,
        )
        .order_by(*order)
    )
    return work.session.exec(statement.limit(1)).first()


def _compare(work: Work, zone: Zone, first: Passage, second: Passage) -> None:
    twice = first.direction is Direction.IN and second.direction is Direction.IN
    if not twice or _forgiven(work, zone, first, second.at):
        return
    found = insert_once(
        work.session,
        AntiPassbackConflict,
        id=work.ids.new(),
        site=second.site,
        zone=second.zone,
        credential=second.credential,
        first_event=first.event,
        first_at=first.at,
        first_access_point=first.access_point,
        second_event=second.event,
        second_at=second.at,
        second_access_point=second.access_point,
        found_at=work.now,
        note="",
    )
    if not found:
        return
    work.record(
        ConflictFound(
            site=second.site,
            zone=ZoneNumber(second.zone),
            credential=CredentialId(bytes(second.credential)),
            first_event=first.event,
            second_event=second.event,
        )
    )
    live.notice(work, "alarms", site=second.site)


def _explain(work: Work, first: Passage, second: Passage) -> None:
    pair = (
        col(AntiPassbackConflict.credential) == first.credential,
        col(AntiPassbackConflict.first_event) == first.event,
        col(AntiPassbackConflict.second_event) == second.event,
        col(AntiPassbackConflict.explained_at).is_(None),
    )
    changed = work.session.connection().execute(
        update(AntiPassbackConflict).where(*pair).values(explained_at=work.now)
    )
    if changed.rowcount:
        live.notice(work, "alarms", site=first.site)


def _forgiven(work: Work, zone: Zone, first: Passage, second_at: datetime) -> bool:
    after = zone.forgiven_after
    if after is not None and first.at <= second_at - after:
        return True
    statement = select(Amnesty.id).where(
        Amnesty.site == first.site,
        Amnesty.at >= first.at,
        Amnesty.at <= second_at,
        or_(col(Amnesty.zone).is_(None), col(Amnesty.zone) == first.zone),
        or_(col(Amnesty.credential).is_(None), col(Amnesty.credential) == first.credential),
    )
    return work.session.exec(statement.limit(1)).first() is not None
