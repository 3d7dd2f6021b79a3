"""What OwnTracks apps send, as their documentation gives it, and what is noticed of it; no position is kept.

https://owntracks.org/booklet/tech/json/: `transition` says that the phone's own system saw it come into a region or
leave it, `location` where it is. Everything else that the app sends is none of our business and passed over.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.arrivals import fences, models
from server.arrivals.crossings import is_day_of, locked, notice_crossing
from server.arrivals.models import Tracker, Watch
from server.arrivals.rules import CrossingSource
from server.arrivals.trackers import Region
from server.arrivals.watching import (
    MOST_UNCERTAIN_M,
    Count,
    Fix,
    Noticed,
    Place,
    Rings,
    Watched,
    decide,
    entered,
    left,
    weigh,
)
from server.kernel.desk import Malformed
from server.kernel.errors import Invalid
from server.kernel.principal import Principal
from server.kernel.work import Work
from server.visits.models import Visit

LARGEST = 4096
"""Bytes of a message; theirs have a few hundred."""
OLDEST = timedelta(minutes=5)
"""A phone that was offline sends what it had kept: nobody is told now of what was then."""
MOST_AHEAD = timedelta(minutes=2)
"""So far may a phone's clock be ahead of ours."""
_KMH = 3.6
_MOST_REGIONS = 100

_Seconds = Annotated[int, Field(ge=0, le=2**40)]


class _Message(BaseModel):
    # Never quote what was sent: an error's text goes into logs.
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)

    tst: _Seconds
    acc: float | None = Field(default=None, ge=0)
    """Left out where the phone does not know."""


class Location(_Message):
    """`_type: location`: where the phone is."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    vel: float | None = Field(default=None, ge=0)
    """Kilometres an hour."""
    inregions: list[str] | None = Field(default=None, max_length=_MOST_REGIONS)
    """Names of the regions that the phone finds itself in."""


class Transition(_Message):
    """`_type: transition`: the phone came into a region, or left it."""

    event: Literal["enter", "leave"]
    desc: str = ""


def received(work: Work, tracker: Tracker, payload: bytes) -> None:
    """Take one message of a visitor's app; raise `Invalid` for an encrypted one and `Malformed` for a broken one."""
    message = _read(payload)
    if message is None or not _is_of_now(work, message):
        return
    # Two messages may come at once, over HTTP and over the broker: one waits for the other.
    rings = _watched_at(work, tracker, locked(work, tracker.visitor))
    if rings is None:
        return
    work.principal = Principal.for_visitor(tracker.visitor)
    before, by_region = _remembered(_watch(work, tracker))
    if isinstance(message, Transition):
        after, by_region = _crossed(before, message, by_region=by_region)
        after, noticed = decide(after, message.tst, rings)
    else:
        after, noticed, by_region = _located(before, message, rings, by_region=by_region)
    _keep(work, tracker, after, by_region=by_region)
    _tell(work, tracker, noticed)


def settle(work: Work) -> None:
    """Decide where a phone's own system watches: it stayed if it did not say that it left."""
    for tracker in models.watched_by_region(work.session, work.now):
        # Whose visit is being changed, or whose app speaks at this moment, is looked at the next time.
        rings = _watched_at(work, tracker, locked(work, tracker.visitor, wait=False))
        if rings is None:
            continue
        before, by_region = _remembered(_watch(work, tracker))
        after, noticed = decide(before, int(work.now.timestamp()), rings)
        if noticed is not None:
            _keep(work, tracker, after, by_region=by_region)
            _tell(work, tracker, noticed)


def _watched_at(work: Work, tracker: Tracker, visit: Visit | None) -> Rings | None:
    """Return the fence that a visitor may come into now; None where nothing is noticed of them."""
    if visit is None or not is_day_of(work, visit):
        return None
    # Known by its name and not by its key: whoever set an app up anew meanwhile has another one.
    if models.tracker_named(work.session, tracker.name) is None:
        return None
    return fences.rings_of(work.session, visit.site)


def _watch(work: Work, tracker: Tracker) -> Watch | None:
    return work.session.get(Watch, tracker.visitor, populate_existing=True)


def _read(payload: bytes) -> Location | Transition | None:
    """Return a message that says something of where the phone is; None for any other."""
    try:
        sent: object = json.loads(payload) if len(payload) <= LARGEST else None
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise Malformed("not a JSON object of at most 4096 bytes")
    match cast("dict[str, Any]", sent).get("_type"):
        case "encrypted":
            raise Invalid(
                [("_type", "must not be encrypted: switch the encryption key of OwnTracks off")]
            )
        case "location":
            kind: type[Location | Transition] = Location
        case "transition":
            kind = Transition
        case _:
            return None
    try:
        return kind.model_validate(sent)
    except ValidationError as error:
        places = {".".join(map(str, each["loc"])) for each in error.errors(include_input=False)}
        raise Malformed(f"{kind.__name__} with wrong {', '.join(sorted(places))}") from None


def _is_of_now(work: Work, message: _Message) -> bool:
    age = work.now.timestamp() - message.tst
    return -MOST_AHEAD.total_seconds() <= age <= OLDEST.total_seconds()


def _crossed(watched: Watched, message: Transition, *, by_region: bool) -> tuple[Watched, bool]:
    ring = Region.ring_of(message.desc)
    if ring is None or message.tst < watched.last_s:
        return watched, by_region
    move = entered if message.event == "enter" else left
    return replace(move(watched, ring, message.tst), last_s=message.tst), True


def _located(
    watched: Watched, message: Location, rings: Rings, *, by_region: bool
) -> tuple[Watched, Noticed | None, bool]:
    accuracy = MOST_UNCERTAIN_M + 1 if message.acc is None else message.acc
    speed = None if message.vel is None else message.vel / _KMH
    fix = Fix(message.lat, message.lon, accuracy, message.tst, speed)
    after, noticed = weigh(watched, fix, rings)
    if noticed is None and message.inregions is not None and message.tst >= after.last_s:
        # A message about a region may be lost; this one says how it stands.
        inside = {Region.ring_of(name) for name in message.inregions}
        for ring, count in ((Place.NEAR, after.near), (Place.APPROACHING, after.approaching)):
            if ring in inside and not count.fixes and _cannot_say(fix, rings, ring):
                after, by_region = entered(after, ring, message.tst), True
            elif by_region and ring not in inside and count.fixes:
                after = left(after, ring, message.tst)
    return (
        after,
        noticed,
        by_region and bool(after.near.fixes or after.approaching.fixes or after.outside.fixes),
    )


def _cannot_say(fix: Fix, rings: Rings, ring: Place) -> bool:
    if fix.accuracy_m > MOST_UNCERTAIN_M:
        return True
    shape = rings.near if ring is Place.NEAR else rings.approaching
    return abs(shape.distance(fix.longitude, fix.latitude)) < fix.accuracy_m


def _tell(work: Work, tracker: Tracker, noticed: Noticed | None) -> None:
    if noticed is not None:
        expected = None if noticed.expected_min is None else timedelta(minutes=noticed.expected_min)
        notice_crossing(work, tracker.visitor, noticed.kind, CrossingSource.OWNTRACKS, expected)


def _remembered(row: Watch | None) -> tuple[Watched, bool]:
    if row is None:
        return Watched(), False
    watched = Watched(
        place=row.place,
        near=Count(row.near_fixes, row.near_since_s),
        approaching=Count(row.approaching_fixes, row.approaching_since_s),
        outside=Count(row.outside_fixes, row.outside_since_s),
        last_s=row.last_s,
    )
    return watched, row.by_region


def _keep(work: Work, tracker: Tracker, watched: Watched, *, by_region: bool) -> None:
    work.session.merge(
        Watch(
            visitor=tracker.visitor,
            place=watched.place,
            near_fixes=watched.near.fixes,
            near_since_s=watched.near.since_s,
            approaching_fixes=watched.approaching.fixes,
            approaching_since_s=watched.approaching.since_s,
            outside_fixes=watched.outside.fixes,
            outside_since_s=watched.outside.since_s,
            last_s=watched.last_s,
            by_region=by_region,
        )
    )
    work.session.flush()
