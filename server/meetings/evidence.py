"""What the doors reported around rooms: passages, openings and the controllers' own words, fetched for many at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import col, select

from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import AccessPointId, CredentialId, DeviceId, EventId, PortalId, SiteCode
from access_protocol.knowledge import Direction
from server.access import models as access
from server.access.models import AccessEvent, EntryKind, Passage
from server.arrivals import models as arrivals
from server.credentials import models as credentials
from server.devices.models import Device, DoorEvent
from server.kernel.ids import RoomId, VisitorId
from server.kernel.work import Work
from server.meetings.rules import Certainty, DoorWord, Evidence, Movement, Way, Who
from server.places.models import AccessPoint, Room
from server.visits.models import Visitor

TOLD_WITHIN = timedelta(days=3)
"""Controllers that were cut off tell what they kept; so much later is still looked for."""
BACK_FOR = timedelta(seconds=30)
"""A gate that has just come back is given so long to tell what happened meanwhile."""
WORDS = (
    ControllerEventKind.STARTED,
    ControllerEventKind.UNLOCKED,
    ControllerEventKind.OPENED,
    ControllerEventKind.CLOSED,
    ControllerEventKind.PASSED,
    ControllerEventKind.NOT_PASSED,
    ControllerEventKind.REQUEST_TO_EXIT,
    ControllerEventKind.HELD_OPEN,
    ControllerEventKind.FORCED_OPEN,
)
_WAYS = {Direction.IN: Way.IN, Direction.OUT: Way.OUT}


@dataclass
class _Door:
    """The door of a room: its sides, and the devices that speak for it."""

    portal: PortalId
    points: dict[AccessPointId, Direction] = field(default_factory=dict[AccessPointId, Direction])
    devices: set[DeviceId] = field(default_factory=set[DeviceId])
    controllers: set[DeviceId] = field(default_factory=set[DeviceId])


@dataclass(frozen=True)
class _Times:
    since: datetime
    until: datetime


def of_rooms(
    work: Work,
    site: SiteCode,
    rooms: Iterable[RoomId],
    guests: Sequence[Visitor],
    since: datetime,
    until: datetime,
) -> dict[RoomId, Evidence]:
    """Return what is known of each room between two moments; `guests` are the visitors of its appointments."""
    doors = _doors(work, site, rooms)
    times = _Times(since, until)
    passages = _passages(work, site, doors, guests, times)
    holders = _Holders(work, guests)
    holders.look_up([CredentialId(bytes(each.credential)) for each in passages])
    words = _words(work, doors, times)
    unlocked = _unlocked(work, site, doors, passages, words, holders)
    came = _came(work, guests, passages, holders, times)
    found: dict[RoomId, Evidence] = {}
    for room in rooms:
        door = doors.get(room)
        if door is None:
            found[room] = Evidence(has_door=False)
            continue
        movements = [_movement(each, door, holders) for each in passages]
        movements += [each for portal, each in unlocked if portal == door.portal]
        found[room] = Evidence(
            movements=[each for each in movements if each is not None],
            words=[word for device in sorted(door.controllers) for word in words.get(device, ())],
            came=came,
            silent_since=_silent_since(work, door),
        )
    return found


def _doors(work: Work, site: SiteCode, rooms: Iterable[RoomId]) -> dict[RoomId, _Door]:
    """Return the doors of the rooms that have one with a reader on its outer side."""
    statement = select(Room, AccessPoint).where(
        col(Room.id).in_(list(rooms)),
        Room.site == site,
        AccessPoint.site == site,
        AccessPoint.portal == Room.portal,
    )
    found: dict[RoomId, _Door] = {}
    for room, point in work.session.exec(statement).all():
        door = found.setdefault(room.id, _Door(point.portal))
        door.points[point.id] = point.direction
        door.devices |= {device for device in (point.gate, point.controller) if device}
        door.controllers |= {point.controller} if point.controller else set()
    return {room: door for room, door in found.items() if Direction.IN in door.points.values()}


def _passages(
    work: Work,
    site: SiteCode,
    doors: Mapping[RoomId, _Door],
    guests: Sequence[Visitor],
    times: _Times,
) -> list[Passage]:
    """Return all passages at the doors, and everywhere else of everybody who went through them or is invited."""
    within = (Passage.site == site, Passage.at >= times.since, Passage.at <= times.until)
    portals = {door.portal for door in doors.values()}
    at_doors = work.session.exec(
        select(Passage).where(*within, col(Passage.portal).in_(portals))
    ).all()
    people = {CredentialId(bytes(each.credential)) for each in at_doors}
    people |= {CredentialId(bytes(guest.credential)) for guest in guests}
    statement = select(Passage).where(*within, col(Passage.credential).in_(people))
    return list(work.session.exec(statement).all())


class _Holders:
    """Who is behind a credential: one of the visitors at hand, or one of the staff."""

    def __init__(self, work: Work, guests: Sequence[Visitor]) -> None:
        self._work = work
        self._known: dict[CredentialId, Who] = {
            CredentialId(bytes(guest.credential)): Who.visitor(guest.id) for guest in guests
        }

    def look_up(self, wanted: Iterable[CredentialId]) -> None:
        missing = {each for each in wanted if each not in self._known}
        for credential, holder in credentials.holders_of(self._work.session, missing).items():
            if holder.visitor is not None:
                self._known[credential] = Who.visitor(holder.visitor)
            elif holder.person is not None:
                self._known[credential] = Who.person(holder.person)

    def of(self, credential: CredentialId) -> Who | None:
        return self._known.get(CredentialId(bytes(credential)))


def _movement(passage: Passage, door: _Door, holders: _Holders) -> Movement | None:
    who = holders.of(passage.credential)
    if who is None:
        return None
    elsewhere = passage.portal != door.portal
    way = Way.ELSEWHERE if elsewhere else _WAYS[Direction(passage.direction)]
    return Movement(who, passage.at, way, passage.event)


def _words(
    work: Work, doors: Mapping[RoomId, _Door], times: _Times
) -> dict[DeviceId, list[DoorWord]]:
    """Return what the controllers said, each with the time when it happened.

    A controller has no wall clock and may tell late: the report that took the shortest time tells when it started,
    and its own count of time since then tells the rest.
    """
    controllers = {device for door in doors.values() for device in door.controllers}
    statement = select(DoorEvent).where(
        col(DoorEvent.device).in_(controllers),
        DoorEvent.received_at >= times.since,
        DoorEvent.received_at <= times.until + TOLD_WITHIN,
    )
    reports = work.session.exec(statement).all()
    began: dict[tuple[DeviceId, str], datetime] = {}
    for each in reports:
        key, start = (each.device, each.boot), each.received_at - _uptime(each)
        began[key] = min(began.get(key, start), start)
    found: dict[DeviceId, list[DoorWord]] = {}
    for each in reports:
        at = began[each.device, each.boot] + _uptime(each)
        if each.what in WORDS and times.since <= at <= times.until:
            word = DoorWord(each.what, at, each.event, each.boot, each.sequence)
            found.setdefault(each.device, []).append(word)
    return found


def _uptime(report: DoorEvent) -> timedelta:
    return timedelta(milliseconds=report.uptime_ms)


def _unlocked(
    work: Work,
    site: SiteCode,
    doors: Mapping[RoomId, _Door],
    passages: Sequence[Passage],
    words: Mapping[DeviceId, Sequence[DoorWord]],
    holders: _Holders,
) -> list[tuple[PortalId, Movement]]:
    """Return for whom a door was unlocked, by its controller's word, without a report of what followed."""
    told = {each.event for each in passages}
    told |= {
        EventId(word.event)
        for each in words.values()
        for word in each
        if word.what is ControllerEventKind.NOT_PASSED and word.event
    }
    unlocked = {
        word.event
        for each in words.values()
        for word in each
        if word.what is ControllerEventKind.UNLOCKED and word.event and word.event not in told
    }
    if not unlocked:
        return []
    statement = select(AccessEvent).where(
        AccessEvent.kind == EntryKind.DECISION,
        AccessEvent.site == site,
        col(AccessEvent.granted).is_(True),
        col(AccessEvent.event).in_(unlocked),
        col(AccessEvent.credential).is_not(None),
    )
    granted = work.session.exec(statement).all()
    outcomes = access.outcomes_of(work.session, [each.event for each in granted])
    settled = {event for (_, event), said in outcomes.items() if set(said) & _NO_ENTRY}
    sides = {
        point: (door.portal, way) for door in doors.values() for point, way in door.points.items()
    }
    holders.look_up(CredentialId(bytes(each.credential)) for each in granted if each.credential)
    found: list[tuple[PortalId, Movement]] = []
    for each in granted:
        side = sides.get(each.access_point) if each.access_point else None
        who = holders.of(each.credential) if each.credential else None
        if side is None or who is None or each.event is None or each.event in settled:
            continue
        if work.now - each.at < _ANSWERED_WITHIN:
            continue  # the door may still say what follows
        portal, way = side
        found.append(
            (portal, Movement(who, each.at, _WAYS[way], EventId(each.event), Certainty.UNLOCKED))
        )
    return found


_NO_ENTRY = frozenset({Outcome.NOT_PASSED, Outcome.REFUSED, Outcome.NO_ANSWER})
_ANSWERED_WITHIN = timedelta(minutes=1)


def _came(
    work: Work,
    guests: Sequence[Visitor],
    passages: Sequence[Passage],
    holders: _Holders,
    times: _Times,
) -> frozenset[VisitorId]:
    """Return the visitors who were noticed at the site."""
    checked_in = arrivals.check_ins(work.session, [guest.id for guest in guests])
    found = {visitor for visitor, each in checked_in.items() if times.since <= each.at}
    for passage in passages:
        who = holders.of(passage.credential)
        if who is not None and who.is_visitor:
            found.add(VisitorId(who.id))
    return frozenset(found)


def _silent_since(work: Work, door: _Door) -> datetime | None:
    """Return since when somebody who speaks for the door is away, or was until just now."""
    statement = select(Device).where(col(Device.id).in_(door.devices))
    silent: list[datetime] = []
    for device in work.session.exec(statement).all():
        if not device.online:
            silent.append(device.last_seen or device.created_at)
        elif device.status_at is not None and work.now - device.status_at < BACK_FOR:
            silent.append(device.status_at)
    return min(silent, default=None)
