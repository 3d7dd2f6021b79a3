"""Posters: put up, replaced and taken down, and found again by the code that a phone scanned or a hand typed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field
from sqlmodel import col, update

from access_protocol.ids import AccessPointId, PortalId, SiteCode
from server.arrivals import entry_rules, models
from server.arrivals.models import Poster
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.events import Event
from server.kernel.ids import PosterId
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.places import models as places
from server.places.actions import PortalKind
from server.places.models import AccessPoint, Portal
from server.visits.actions import Input

PATH = "e"
"""Posters lead to `<base_url>/e/<code>`."""
MOST_HANGING = 200
"""Posters that hang at one site."""


class NewPoster(Input):
    """A poster to be put up."""

    portal: str = Field(pattern="^[a-z0-9-]{1,32}$", description="The door or machine it names.")
    access_point: str | None = Field(
        default=None,
        pattern="^[a-z0-9-]{1,32}$",
        description="The side that it opens; left out for a machine, and where a door has one side in.",
    )
    note: Annotated[Line, Field(max_length=100)] = Field(
        default="", description="Where it hangs, for those who look after it."
    )


@dataclass(frozen=True, kw_only=True)
class PosterChanged(Event):
    """A poster was put up, replaced or taken down; `code` is what hangs at the access point now, if anything does."""

    poster: PosterId
    site: SiteCode
    portal: PortalId
    access_point: AccessPointId | None
    code: str | None


def put_up(work: Work, site: SiteCode, new: NewPoster) -> Poster:
    """Make a poster for one side of a portal."""
    require(work.principal, Right.PLACES_MANAGE, site)
    portal = work.session.get(Portal, (site, PortalId(new.portal)))
    if portal is None:
        raise Invalid([("portal", f"site {site} has no such portal")])
    access_point = _side(work, portal, new.access_point)
    if len(models.hanging(work.session, site)) >= MOST_HANGING:
        raise Conflict(
            f"At most {MOST_HANGING} posters can hang at one site. Take some down first."
        )
    return _make(work, portal, access_point, new.note)


def replace(work: Work, poster_id: PosterId) -> Poster:
    """Make a new poster for the same place; whoever scans the old one is told that the paper is old."""
    old = _hanging(work, poster_id)
    portal = work.session.get_one(Portal, (old.site, old.portal))
    _end(work, old)
    return _make(work, portal, old.access_point, old.note)


def take_down(work: Work, poster_id: PosterId) -> Poster:
    """Let a poster count no more."""
    poster = _hanging(work, poster_id)
    _end(work, poster)
    _tell(work, poster)
    return poster


def get(work: Work, poster_id: PosterId) -> Poster:
    """Return a poster, for whoever may see places."""
    poster = work.session.get(Poster, poster_id)
    if poster is None:
        raise NotFound("There is no such poster.")
    require(work.principal, Right.PLACES_READ, poster.site)
    return poster


def list_posters(work: Work, site: SiteCode | None = None) -> Sequence[Poster]:
    """Return the posters that hang, by site and portal."""
    require(work.principal, Right.PLACES_READ, site)
    return models.hanging(work.session, site)


def found(work: Work, typed: str) -> Poster | None:
    """Return the poster with this code, also one that was taken down; no right is needed, the code hangs there."""
    code = entry_rules.read_code(typed)
    return models.poster_with(work.session, code) if code else None


def note_scan(work: Work, poster: Poster) -> None:
    """Count that somebody scanned it: a poster that nobody scans may hang wrongly, or not at all."""
    # One statement and no row read before: many phones may scan at once.
    counted = update(Poster).where(col(Poster.id) == poster.id)
    work.session.exec(counted.values(scans=Poster.scans + 1, scanned_at=work.now))


def address(work: Work, poster: Poster) -> str:
    """Return the address behind the QR."""
    return f"{prefix(work)}{poster.code}"


def prefix(work: Work) -> str:
    """Return what stands before the code in every poster's address."""
    return f"{str(work.settings.base_url).rstrip('/')}/{PATH}/"


def _side(work: Work, portal: Portal, wanted: str | None) -> AccessPointId | None:
    sides = {
        each.id: each
        for each in places.access_points_of_portal(work.session, portal.site, portal.id)
    }
    if wanted is not None:
        if AccessPointId(wanted) not in sides:
            raise Invalid([("access_point", "is no side of this portal")])
        return AccessPointId(wanted)
    if portal.kind is PortalKind.VENDING:
        return None
    inwards = sorted(sides.values(), key=_inwards_first)
    if not inwards:
        raise Invalid([("portal", "has no access point yet that a poster could open")])
    return inwards[0].id


def _inwards_first(side: AccessPoint) -> tuple[str, str]:
    return side.direction, side.id


def _make(work: Work, portal: Portal, access_point: AccessPointId | None, note: str) -> Poster:
    poster = Poster(
        id=PosterId(work.ids.new()),
        site=portal.site,
        portal=portal.id,
        access_point=access_point,
        code=entry_rules.fresh_code(
            work.ids.random_bytes, partial(models.poster_with, work.session)
        ),
        check_number=entry_rules.new_check_number(work.ids.random_bytes),
        note=note,
        made_at=work.now,
        made_by=work.principal.person,
    )
    work.session.add(poster)
    work.session.flush()
    _tell(work, poster)
    return poster


def _hanging(work: Work, poster_id: PosterId) -> Poster:
    get(work, poster_id)
    poster = work.session.get_one(Poster, poster_id, with_for_update=True, populate_existing=True)
    require(work.principal, Right.PLACES_MANAGE, poster.site)
    if poster.ended_at is not None:
        raise Conflict("This poster was taken down already.")
    return poster


def _end(work: Work, poster: Poster) -> None:
    poster.ended_at = work.now
    work.session.add(poster)
    work.session.flush()


def _tell(work: Work, poster: Poster) -> None:
    hangs = (
        models.poster_at(work.session, poster.site, poster.access_point)
        if poster.access_point
        else None
    )
    work.record(
        PosterChanged(
            poster=poster.id,
            site=poster.site,
            portal=poster.portal,
            access_point=poster.access_point,
            code=hangs.code if hangs else None,
        )
    )
