"""Contact points: "contact us" QR codes put up, taken down, and found again by the code that a phone scanned."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from pydantic import Field
from sqlmodel import col, update

from access_protocol.ids import SiteCode
from server.arrivals import actions as arrivals
from server.conversations import models
from server.conversations.models import ContactPoint
from server.kernel.errors import Conflict, Invalid, NotFound
from server.kernel.ids import ContactPointId
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.places import models as places
from server.visits.actions import Input

PATH = "c"
"""Contact points lead to `<base_url>/c/<code>`."""
MOST_HANGING = 100


class NewContactPoint(Input):
    """A contact point to be put up."""

    note: Annotated[Line, Field(max_length=100)] = Field(
        default="", description="Where it hangs, for those who look after it."
    )


def put_up(work: Work, site: SiteCode, new: NewContactPoint) -> ContactPoint:
    """Make a contact point of a site."""
    require(work.principal, Right.PLACES_MANAGE, site)
    if places.site_with(work.session, site) is None:
        raise Invalid([("site", f"there is no site {site}")])
    if len(models.contact_points(work.session, site)) >= MOST_HANGING:
        raise Conflict(f"At most {MOST_HANGING} contact points can hang at one site.")
    made = ContactPoint(
        id=ContactPointId(work.ids.new()),
        site=site,
        code=arrivals.fresh_code(
            work.ids.random_bytes, partial(models.contact_point_with, work.session)
        ),
        check_number=arrivals.new_check_number(work.ids.random_bytes),
        note=new.note,
        made_at=work.now,
        made_by=work.principal.person,
    )
    work.session.add(made)
    work.session.flush()
    return made


def take_down(work: Work, point_id: ContactPointId) -> ContactPoint:
    """Let a contact point count no more; conversations that began there go on."""
    point = get(work, point_id)
    require(work.principal, Right.PLACES_MANAGE, point.site)
    if point.ended_at is not None:
        raise Conflict("This was taken down already.")
    point.ended_at = work.now
    work.session.add(point)
    return point


def get(work: Work, point_id: ContactPointId) -> ContactPoint:
    """Return a contact point, for whoever may see places."""
    point = work.session.get(ContactPoint, point_id)
    if point is None:
        raise NotFound("There is no such contact point.")
    require(work.principal, Right.PLACES_READ, point.site)
    return point


def list_points(work: Work, site: SiteCode | None = None) -> Sequence[ContactPoint]:
    """Return the contact points that hang."""
    require(work.principal, Right.PLACES_READ, site)
    return models.contact_points(work.session, site)


def found(work: Work, typed: str) -> ContactPoint | None:
    """Return the contact point with this code, also one that was taken down; the code hangs there for everybody."""
    code = arrivals.read_code(typed)
    return models.contact_point_with(work.session, code) if code else None


def note_scan(work: Work, point: ContactPoint) -> None:
    """Count that somebody scanned it."""
    counted = update(ContactPoint).where(col(ContactPoint.id) == point.id)
    work.session.exec(counted.values(scans=ContactPoint.scans + 1, scanned_at=work.now))


def address(work: Work, point: ContactPoint) -> str:
    """Return the address behind the QR."""
    return f"{str(work.settings.base_url).rstrip('/')}/{PATH}/{point.code}"


def pdf(work: Work, point: ContactPoint, size: arrivals.PosterSize) -> bytes:
    """Return the paper to print and hang up."""
    words = arrivals.contact_words(work, point.site)
    return arrivals.qr_sheet(address(work, point), words, point.check_number, size)
