"""Kiosks: small screens at an entrance that show the changing code, each known by the secret in its address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, NamedTuple

from pydantic import Field

from access_protocol.ids import AccessPointId, SiteCode
from server.access.actions import entrance_codes_ahead
from server.arrivals import models, posters
from server.arrivals.models import Kiosk
from server.kernel.errors import Invalid, NotFound
from server.kernel.events import Event
from server.kernel.ids import KioskId
from server.kernel.principal import Right, require
from server.kernel.text import Line
from server.kernel.work import Work
from server.places.models import AccessPoint
from server.visits.actions import Input

PATH = "kiosk"
"""Kiosks are `<base_url>/kiosk/<secret>`."""
SEEN_EVERY = timedelta(seconds=30)
AHEAD = 7
"""Codes that a screen is given at once: what is left of the present one, and 90 s more without a network."""


class NewKiosk(Input):
    """A screen to be set up."""

    name: Annotated[Line, Field(min_length=1, max_length=80, examples=["Tablet at the door"])]
    access_point: str = Field(pattern="^[a-z0-9-]{1,32}$")


@dataclass(frozen=True, kw_only=True)
class KioskPaired(Event):
    """Somebody set up a screen."""

    kiosk: KioskId
    site: SiteCode
    access_point: AccessPointId


@dataclass(frozen=True, kw_only=True)
class KioskRevoked(Event):
    """A screen shows no codes any more."""

    kiosk: KioskId
    site: SiteCode


class Showing(NamedTuple):
    """What a screen shows, until when; it begins where the one before ends."""

    address: str
    digits: str
    left: timedelta
    """From now to its end."""


def pair(work: Work, site: SiteCode, new: NewKiosk) -> tuple[Kiosk, str]:
    """Set up a screen; return it with its address, which is shown this once."""
    require(work.principal, Right.PLACES_MANAGE, site)
    if work.session.get(AccessPoint, (site, AccessPointId(new.access_point))) is None:
        raise Invalid([("access_point", f"site {site} has no such access point")])
    secret = work.ids.secret()
    kiosk = Kiosk(
        id=KioskId(work.ids.new()),
        site=site,
        access_point=AccessPointId(new.access_point),
        name=new.name,
        secret_hash=models.secret_hash(secret),
        made_at=work.now,
        made_by=work.principal.person,
    )
    work.session.add(kiosk)
    work.session.flush()
    work.record(KioskPaired(kiosk=kiosk.id, site=site, access_point=kiosk.access_point))
    return kiosk, f"{str(work.settings.base_url).rstrip('/')}/{PATH}/{secret}"


def revoke(work: Work, kiosk_id: KioskId) -> None:
    """Let a screen show nothing any more, for example when it was stolen."""
    kiosk = work.session.get(Kiosk, kiosk_id)
    if kiosk is None or kiosk.revoked_at is not None:
        raise NotFound("There is no such screen.")
    require(work.principal, Right.PLACES_MANAGE, kiosk.site)
    kiosk.revoked_at = work.now
    work.session.add(kiosk)
    work.record(KioskRevoked(kiosk=kiosk.id, site=kiosk.site))


def list_kiosks(work: Work) -> Sequence[Kiosk]:
    """Return the screens that count."""
    require(work.principal, Right.PLACES_READ)
    return models.kiosks(work.session)


def at_screen(work: Work, secret: str) -> Kiosk:
    """Return the screen with this secret, or raise `NotFound`."""
    found = models.kiosk_with(work.session, secret)
    if found is None:
        raise NotFound("This screen is not set up any more. Please ask an administrator.")
    return found


def showing(work: Work, kiosk: Kiosk) -> list[Showing]:
    """Return what the screen shows now and next; nothing where no poster hangs at its entrance."""
    poster = models.poster_at(work.session, kiosk.site, kiosk.access_point)
    if poster is None:
        return []
    address = posters.address(work, poster)
    return [
        Showing(f"{address}?c={code.digits}", code.digits, code.ends - work.now)
        for code in entrance_codes_ahead(work, kiosk.site, kiosk.access_point, AHEAD)
    ]


def note_seen(work: Work, kiosk: Kiosk) -> None:
    """Note that the screen is there."""
    if kiosk.seen_at is None or work.now - kiosk.seen_at >= SEEN_EVERY:
        kiosk.seen_at = work.now
        work.session.add(kiosk)
