"""Where the visitors of a visit are, composed from all that was noticed of them; the later evidence counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from sqlmodel import col, select

from access_protocol.ids import AccessPointId, CredentialId, PortalId
from access_protocol.knowledge import Direction
from server.access import models as access
from server.arrivals import models as arrivals
from server.arrivals.actions import CrossingKind
from server.kernel.ids import RoomId, VisitId, VisitorId
from server.kernel.work import Work
from server.places.models import Room
from server.visits import models as visits
from server.visits.models import Visit, Visitor


class Stage(StrEnum):
    """How far a visitor has come."""

    INVITED = "invited"
    ON_THE_WAY = "on_the_way"
    NEAR = "near"
    ARRIVED = "arrived"
    """At the entrance: checked in at the posted QR, or by their own word."""
    AT_GATE = "at_gate"
    """Through a gate, by its controller's word."""
    IN_ROOM = "in_room"
    LEFT = "left"
    DECLINED = "declined"


class Sign(IntEnum):
    """What a piece of evidence says; of two at the same moment the greater one counts."""

    DECLINED = 0
    WENT_AWAY = 1
    """The phone left the surroundings of the site."""
    ON_MY_WAY = 2
    APPROACHING = 3
    NEAR = 4
    HERE = 5
    CHECKED_IN = 6
    PASSED_OUT = 7
    LEFT_ROOM = 8
    PASSED_IN = 9
    ENTERED_ROOM = 10


@dataclass(frozen=True)
class Evidence:
    """Something that was noticed of one visitor."""

    at: datetime
    sign: Sign
    access_point: AccessPointId | None = None
    expected: datetime | None = None


@dataclass(frozen=True)
class Whereabouts:
    """How far somebody has come and since when; `expected` while they are on the way and it is known."""

    stage: Stage
    since: datetime
    expected: datetime | None = None
    access_point: AccessPointId | None = None


_OUTSIDE = frozenset({Stage.INVITED, Stage.ON_THE_WAY, Stage.NEAR, Stage.DECLINED})
_BY_OWN_WORD = frozenset({Sign.ON_MY_WAY, Sign.HERE})
_COMING = {
    Sign.ON_MY_WAY: Stage.ON_THE_WAY,
    Sign.APPROACHING: Stage.ON_THE_WAY,
    Sign.NEAR: Stage.NEAR,
    Sign.HERE: Stage.ARRIVED,
}
_AT_DOORS = {
    Sign.DECLINED: Stage.DECLINED,
    Sign.CHECKED_IN: Stage.ARRIVED,
    Sign.PASSED_IN: Stage.AT_GATE,
    Sign.ENTERED_ROOM: Stage.IN_ROOM,
    Sign.PASSED_OUT: Stage.LEFT,
}
_CROSSINGS = {
    CrossingKind.ON_MY_WAY: Sign.ON_MY_WAY,
    CrossingKind.APPROACHING: Sign.APPROACHING,
    CrossingKind.NEAR: Sign.NEAR,
    CrossingKind.HERE: Sign.HERE,
    CrossingKind.LEFT: Sign.WENT_AWAY,
}


def composed(invited_at: datetime, evidence: Iterable[Evidence]) -> Whereabouts:
    """Return where somebody is by all the evidence, in whatever order it is given."""
    now = Whereabouts(Stage.INVITED, invited_at)
    gone = False
    for each in sorted(evidence, key=_order):
        gone = each.sign is Sign.WENT_AWAY or (gone and each.sign not in _AT_DOORS)
        now = _after(now, each, was_gone=gone)
    return now


def _order(evidence: Evidence) -> tuple[datetime, int, str]:
    return evidence.at, evidence.sign, evidence.access_point or ""


def _after(now: Whereabouts, news: Evidence, *, was_gone: bool) -> Whereabouts:
    """Return where they are after one more piece of evidence."""
    if news.sign in _COMING:
        # A phone that says "near" is no news of somebody inside, nor of somebody who has just walked out.
        returns = now.stage is Stage.LEFT and (was_gone or news.sign in _BY_OWN_WORD)
        if now.stage not in _OUTSIDE and not returns:
            return now
        return _at(now, news, _COMING[news.sign])
    match news.sign:
        case Sign.WENT_AWAY:
            # Who was never here did not leave: they are expected as before.
            before = Stage.INVITED if now.stage in _OUTSIDE else Stage.LEFT
            return now if now.stage is Stage.DECLINED else _at(now, news, before)
        case Sign.LEFT_ROOM:
            return _at(now, news, Stage.AT_GATE) if now.stage is Stage.IN_ROOM else now
        case _:
            return _at(now, news, _AT_DOORS[news.sign])


def _at(now: Whereabouts, news: Evidence, stage: Stage) -> Whereabouts:
    """Return the new whereabouts; who stays where they are has been there since before."""
    stays = stage is now.stage and (news.access_point or now.access_point) == now.access_point
    return Whereabouts(
        stage=stage,
        since=now.since if stays else news.at,
        expected=news.expected if stage in {Stage.ON_THE_WAY, Stage.NEAR} else None,
        access_point=now.access_point if stays else news.access_point,
    )


def of_visits(
    work: Work,
    found: Sequence[Visit],
    guests: Mapping[VisitId, Sequence[Visitor]] | None = None,
) -> dict[VisitorId, Whereabouts]:
    """Return where each visitor of the visits is, with the same few queries however many visits there are."""
    by_visit = guests or visits.visitors_by_visit(work.session, [each.id for each in found])
    evidence = _noticed(work, found, [guest for each in by_visit.values() for guest in each])
    return {
        guest.id: composed(guest.created_at, evidence.get(guest.id, ()))
        for visit in found
        for guest in by_visit.get(visit.id, ())
    }


def _noticed(
    work: Work, found: Sequence[Visit], guests: Sequence[Visitor]
) -> dict[VisitorId, list[Evidence]]:
    noticed: dict[VisitorId, list[Evidence]] = {guest.id: [] for guest in guests}
    for guest in guests:
        if guest.declined_at is not None:
            noticed[guest.id].append(Evidence(guest.declined_at, Sign.DECLINED))
    for visitor, crossings in arrivals.crossings_by_visitor(work.session, noticed).items():
        noticed[visitor] += [
            Evidence(each.at, _CROSSINGS[each.kind], expected=each.expected_at)
            for each in crossings
        ]
    rooms = {visit.id: visit.room for visit in found}
    posted: dict[VisitorId, AccessPointId] = {}
    for visitor, check_in in arrivals.check_ins(work.session, noticed).items():
        posted[visitor] = AccessPointId(check_in.access_point)
        noticed[visitor].append(Evidence(check_in.at, Sign.CHECKED_IN, posted[visitor]))
    _at_doors(work, rooms, guests, posted, noticed)
    return noticed


def _at_doors(
    work: Work,
    rooms: Mapping[VisitId, RoomId | None],
    guests: Sequence[Visitor],
    posted: Mapping[VisitorId, AccessPointId],
    noticed: Mapping[VisitorId, list[Evidence]],
) -> None:
    """Add what the doors reported of each visitor's credential; a poster's door is the entrance and no gate."""
    doors = _doors_of(work, {room for room in rooms.values() if room is not None})
    bearers = {CredentialId(guest.credential): guest for guest in guests}
    for passage in access.passages_of(work.session, bearers):
        guest = bearers[CredentialId(passage.credential)]
        room = rooms[guest.visit]
        own_room = room is not None and doors.get(room) == passage.portal
        inward = passage.direction is Direction.IN
        if own_room:
            sign = Sign.ENTERED_ROOM if inward else Sign.LEFT_ROOM
        elif inward and posted.get(guest.id) == passage.access_point:
            sign = Sign.CHECKED_IN
        else:
            sign = Sign.PASSED_IN if inward else Sign.PASSED_OUT
        noticed[guest.id].append(Evidence(passage.at, sign, passage.access_point))


def _doors_of(work: Work, rooms: Iterable[RoomId]) -> dict[RoomId, PortalId]:
    """Return the portal of each room that has one."""
    statement = select(Room.id, Room.portal).where(col(Room.id).in_(list(rooms)))
    return {
        RoomId(room): PortalId(portal)
        for room, portal in work.session.exec(statement).all()
        if portal is not None
    }
