"""Who is inside: moved by reported passages only, and the same whatever order the gates' journals arrive in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from sqlalchemy import and_, exists, or_, update
from sqlmodel import Session, col, select

from access_protocol.events import Outcome, OutcomeEntry
from access_protocol.feeds import LastPassage
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    EventId,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.knowledge import Direction
from access_protocol.topics import SERVER
from server.access import conflicts, feeds
from server.access.amnesties import PASSAGE_KEPT
from server.access.models import Passage, Presence
from server.credentials.models import Credential
from server.kernel import live
from server.kernel.events import Event
from server.kernel.upsert import table_of, upsert
from server.kernel.work import Work
from server.places.models import AccessPoint

Points = Mapping[AccessPointId, AccessPoint]
_PRESENCE, _PASSAGES = table_of(Presence), table_of(Passage)
_PASSAGE_COLUMNS = tuple(column.name for column in _PASSAGES.columns)
ENDED_EVERY = timedelta(minutes=1)
PASSAGES = frozenset({Outcome.OPENED, Outcome.PASSED})
"""What a controller says when somebody went through: a turnstile counts, a door's contact saw it open."""


@dataclass(frozen=True, kw_only=True)
class PassageReported(Event):
    """Somebody went through a portal, by its controller's word."""

    audited: ClassVar[bool] = False

    event: EventId
    credential: CredentialId
    site: SiteCode
    portal: PortalId
    access_point: AccessPointId
    zone: ZoneNumber
    direction: Direction
    at: datetime


def points(session: Session, site: SiteCode) -> Points:
    """Return the access points of a site by their ids."""
    statement = select(AccessPoint).where(AccessPoint.site == site)
    return {point.id: point for point in session.exec(statement).all()}


def passed(
    work: Work,
    gate: DeviceId,
    site: SiteCode,
    known: Points,
    outcomes: Sequence[OutcomeEntry],
    bearers: Mapping[str, CredentialId],
) -> bool:
    """Take the passages that a gate reported at its own access points; return whether anybody moved.

    The server opens at any of them, for whoever scanned its poster.
    """
    happened: list[PassageReported] = []
    for outcome in outcomes:
        point = known.get(AccessPointId(outcome.access_point))
        bearer = bearers.get(outcome.event)
        if point is None or bearer is None or gate not in (point.gate, SERVER):
            continue
        if point.gives_out:
            continue  # whatever a machine says, nobody went anywhere
        happened.append(
            PassageReported(
                event=EventId(outcome.event),
                credential=bearer,
                site=site,
                portal=point.portal,
                access_point=point.id,
                zone=ZoneNumber(point.zone),
                direction=point.direction,
                at=outcome.at.astimezone(UTC),
            )
        )
    moved = _stored(work, happened)
    for each in moved:
        work.record(each)
    if moved:
        first, push = moved[0], gate == SERVER
        # The feeds are locked last by everybody: what follows from a passage may lock passes and drinks before.
        work.at_the_end(
            ("passages", first.event, first.credential),
            lambda later: _publish(later, site, moved, push=push),
        )
    return bool(moved)


def hold(work: Work, credential: CredentialId) -> Presence | None:
    """Return where the bearer of a credential is, locked until this work ends; None for who never went through.

    It is locked before what says that they left, as by a gate's report.
    """
    return work.session.get(Presence, credential, with_for_update=True, populate_existing=True)


def end_expired(work: Work) -> None:
    """Let those leave whose credential ended, where no reader sees who goes out: they would stay for ever."""
    read = exists().where(
        col(AccessPoint.site) == _PRESENCE.c.site,
        col(AccessPoint.zone) == _PRESENCE.c.zone,
        col(AccessPoint.direction) == Direction.OUT,
    )
    over = exists().where(
        col(Credential.id) == _PRESENCE.c.credential, col(Credential.last_expires) <= work.now
    )
    gone = update(_PRESENCE).where(_PRESENCE.c.zone.is_not(None), over, ~read).values(zone=None)
    if work.session.connection().execute(gone).rowcount:
        live.notice(work, "occupancy")


def _publish(work: Work, site: SiteCode, moved: Sequence[PassageReported], *, push: bool) -> None:
    """Put the passages into the site's feed, and see whether they contradict what other gates reported.

    They are pushed where no gate tells the others of them.
    """
    changes = [
        feeds.passage(
            LastPassage(each.credential, each.zone, each.direction, each.at, each.event),
            each.at + PASSAGE_KEPT,
        )
        for each in moved
    ]
    # First locked, then looked: of two gates' journals at once the second one sees both.
    feeds.publish(work, site, changes, push_passages=push)
    for each in moved:
        if conflicts.matter_in(work, site, each.zone):
            conflicts.look(work, work.session.get_one(Passage, (each.event, each.credential)))


def _stored(work: Work, happened: Sequence[PassageReported]) -> list[PassageReported]:
    """Store the passages that are news, move who passed, and return them; all at once, for a gate brings many."""
    if not happened:
        return []
    connection = work.session.connection()
    write = upsert(work.session, Passage).on_conflict_do_nothing()
    stored = connection.execute(
        write.returning(_PASSAGES.c.event, _PASSAGES.c.credential),
        [{name: getattr(each, name) for name in _PASSAGE_COLUMNS} for each in happened],
    )
    fresh_keys = {(row.event, bytes(row.credential)) for row in stored}
    moved: list[PassageReported] = []
    for each in happened:
        key = (each.event, bytes(each.credential))
        if key in fresh_keys:
            # A turnstile may tell the same passage twice in one batch: it was stored as told first.
            fresh_keys.remove(key)
            moved.append(each)
    if moved:
        _move(work, moved)
    return moved


def _move(work: Work, moved: Sequence[PassageReported]) -> None:
    move = upsert(work.session, Presence)
    fresh = move.excluded
    # An older passage that arrives late, from a gate that was offline, moves nobody.
    later = or_(
        fresh.since > _PRESENCE.c.since,
        and_(fresh.since == _PRESENCE.c.since, fresh.event > _PRESENCE.c.event),
    )
    work.session.connection().execute(
        move.on_conflict_do_update(
            index_elements=[_PRESENCE.c.credential],
            set_={
                name: getattr(fresh, name) for name in ("site", "zone", "portal", "since", "event")
            },
            where=later,
        ),
        [
            {
                "credential": each.credential,
                "site": each.site,
                "zone": each.zone if each.direction is Direction.IN else None,
                "portal": each.portal,
                "since": each.at,
                "event": each.event,
            }
            # Two gates report the same people at once: both lock them in the same order.
            for each in sorted(moved, key=lambda each: bytes(each.credential))
        ],
    )
