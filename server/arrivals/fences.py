"""Fences: where a site begins for who comes near; who may draw them, and what is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from sqlmodel import Session

from access_protocol.ids import SiteCode
from server.arrivals.models import Fence
from server.arrivals.shapes import Circle, Polygon, Shape, lies_within
from server.arrivals.watching import Rings
from server.kernel.errors import NotFound
from server.kernel.events import Event
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places.models import Site

_SHAPE: TypeAdapter[Circle | Polygon] = TypeAdapter(Circle | Polygon)
LONGEST_DWELL_S = 900
SUREST_NEEDED_M = 100
"""A position that shall speak for presence at a door must be at least as sure as this."""


@dataclass(frozen=True, kw_only=True)
class FenceChanged(Event):
    """A site's fence was drawn anew or taken away."""

    site: SiteCode
    removed: bool


class FenceInput(BaseModel):
    """A site's fence: two shapes in degrees WGS 84, one within the other."""

    model_config = ConfigDict(extra="forbid")

    near: Shape = Field(description="Whoever is within it is nearly at the door.")
    approaching: Shape = Field(
        description="Whoever comes into it will be there soon; lies around `near`."
    )
    near_dwell_s: int = Field(
        default=30,
        ge=0,
        le=LONGEST_DWELL_S,
        description="Seconds within `near` that count; a longer time leaves out who passes by.",
    )
    approaching_dwell_s: int = Field(
        default=60, ge=0, le=LONGEST_DWELL_S, description="Seconds within `approaching` that count."
    )

    @model_validator(mode="after")
    def _one_within_the_other(self) -> Self:
        if not lies_within(self.near, self.approaching):
            raise ValueError("the shape near must lie wholly within the shape approaching")
        return self


def find_fence(work: Work, site: SiteCode) -> Fence:
    """Return a site's fence, for whoever may see places there; raises `NotFound`."""
    require(work.principal, Right.PLACES_READ, site)
    _check_site(work, site)
    found = work.session.get(Fence, site)
    if found is None:
        raise NotFound(f"No fence is drawn around the site {site}.")
    return found


def put_fence(work: Work, site: SiteCode, wanted: FenceInput) -> Fence:
    """Draw a site's fence, or draw it anew."""
    require(work.principal, Right.PLACES_MANAGE, site)
    _check_site(work, site)
    fence = work.session.get(Fence, site) or Fence(site=site, **_columns(work, wanted))
    for name, value in _columns(work, wanted).items():
        setattr(fence, name, value)
    work.session.add(fence)
    work.session.flush()
    work.record(FenceChanged(site=site, removed=False))
    return fence


def remove_fence(work: Work, site: SiteCode) -> None:
    """Take a site's fence away: nobody's coming is noticed there any more, but by their own word."""
    require(work.principal, Right.PLACES_MANAGE, site)
    work.session.delete(find_fence(work, site))
    work.session.flush()
    work.record(FenceChanged(site=site, removed=True))


def rings_of(session: Session, site: SiteCode) -> Rings | None:
    """Return a site's fence as the rule of coming near takes it."""
    found = session.get(Fence, site)
    if found is None:
        return None
    return Rings(
        near=_SHAPE.validate_python(found.near),
        approaching=_SHAPE.validate_python(found.approaching),
        near_dwell_s=found.near_dwell_s,
        approaching_dwell_s=found.approaching_dwell_s,
    )


def reach_m(work: Work, site: SiteCode) -> float:
    """Return about how far from the middle of a site its wider fence reaches, in metres; 0 where there is none."""
    rings = rings_of(work.session, site)
    return 0.0 if rings is None else rings.approaching.around().radius_m


def is_at_site(
    work: Work, site: SiteCode, latitude: float, longitude: float, accuracy_m: float
) -> bool:
    """Tell whether a position, with its whole uncertainty, lies within the inner fence; any position can be faked."""
    rings = rings_of(work.session, site)
    if rings is None or not 0 <= accuracy_m <= SUREST_NEEDED_M:
        return False
    return rings.near.distance(longitude, latitude) <= -accuracy_m


class Drawing(NamedTuple):
    """A fence as it is drawn: outlines in metres east and south of its middle, and how far it reaches from there."""

    near: Sequence[tuple[float, float]]
    approaching: Sequence[tuple[float, float]]
    reach_m: float


def drawn(near: Circle | Polygon, approaching: Circle | Polygon) -> Drawing:
    """Return the outlines of two shapes, north upwards."""
    around = approaching.around()
    near_line, approaching_line = (
        [(x, -y) for x, y, *_ in each.outline(around.plane).exterior.coords]
        for each in (near, approaching)
    )
    return Drawing(near_line, approaching_line, around.radius_m)


def _columns(work: Work, wanted: FenceInput) -> dict[str, Any]:
    return {**wanted.model_dump(mode="json"), "changed_at": work.now}


def _check_site(work: Work, site: SiteCode) -> None:
    if work.session.get(Site, site) is None:
        raise NotFound(f"There is no site {site}.")
