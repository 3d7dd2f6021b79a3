"""The names of things by their ids, in the reader's language, each looked up once a request."""

import re
from collections.abc import Hashable, Sequence
from typing import TypeVar, cast

from access_protocol.ids import AccessPointId, DeviceId, PortalId, SiteCode
from access_protocol.knowledge import Direction
from access_protocol.wording import Language
from server.kernel.database import Record
from server.kernel.errors import Invalid
from server.kernel.ids import PersonId, RoomId
from server.kernel.pagination import MOST, PageQuery
from server.kernel.work import Work
from server.people import models as people
from server.places import models as places
from server.places.models import AccessPoint, Portal, Room, Site
from server.web.languages import current, gettext

T = TypeVar("T", bound=Record)

EVERYTHING = PageQuery(limit=MOST, cursor=None)


class Names:
    """Gives names for ids; for an id that is unknown or absent an empty text."""

    def __init__(self, work: Work) -> None:
        """Look names up in the database of this work."""
        self._session = work.session
        self._work = work
        self._zones: dict[tuple[SiteCode, Language], dict[int, str]] = {}
        # A session forgets what nobody holds: without this each line of a list would be a query of its own.
        self._found: dict[tuple[type[Record], Hashable], Record] = {}

    @property
    def _language(self) -> Language:
        # Asked each time: a page may settle on its language only after it looked something up.
        return Language(current())

    def person(self, person: PersonId | None) -> str:
        """Return the name of somebody with an account."""
        found = self._get(people.Person, person) if person else None
        return found.name if found else ""

    def site(self, site: SiteCode) -> str:
        """Return the name of a site."""
        found = self._get(Site, site)
        return places.name_in(found, self._language) if found else site

    def address(self, site: SiteCode) -> str:
        """Return the postal address of a site."""
        found = self._get(Site, site)
        return found.address if found else ""

    def time_zone(self, site: SiteCode) -> str | None:
        """Return the IANA name of the zone in which a site's clocks go."""
        found = self._get(Site, site)
        return found.time_zone if found else None

    def room(self, room: RoomId | None) -> str:
        """Return the name of a room."""
        found = self._get(Room, room) if room else None
        return places.name_in(found, self._language) if found else ""

    def portal_of_room(self, room: RoomId) -> PortalId | None:
        """Return the door of a room."""
        found = self._get(Room, room)
        return PortalId(found.portal) if found and found.portal else None

    def zone(self, site: SiteCode, number: int | None) -> str:
        """Return the name of a zone."""
        if number is None:
            return ""
        key = (site, self._language)
        if key not in self._zones:
            self._zones[key] = dict(places.zone_names(self._session, *key))
        return self._zones[key].get(number, str(number))

    def zones(self, site: SiteCode, numbers: Sequence[int]) -> str:
        """Return the names of zones, with commas."""
        return ", ".join(self.zone(site, number) for number in numbers)

    def portal(self, site: SiteCode, portal: PortalId | None) -> str:
        """Return the name of a door, turnstile or machine."""
        found = self._get(Portal, (site, portal)) if portal else None
        return places.name_in(found, self._language) if found else str(portal or "")

    def access_point(self, site: SiteCode, access_point: AccessPointId | None) -> str:
        """Return the portal on one of whose sides a credential is presented, and into or from which zone."""
        found = self._get(AccessPoint, (site, access_point)) if access_point else None
        if found is None:
            return str(access_point or "")
        way = "→" if found.direction is Direction.IN else "←"
        return f"{self.portal(site, found.portal)} {way} {self.zone(site, found.zone)}"

    def portal_of(self, site: SiteCode, controller: DeviceId) -> str:
        """Return the name of the portal that a controller opens."""
        points = places.access_points_of_controller(self._session, site, controller)
        return self.portal(site, points[0].portal) if points else ""

    def _get(self, kind: type[T], key: Hashable) -> T | None:
        """Return a row by its key, looked up once."""
        found = self._found.get((kind, key)) or self._session.get(kind, key)
        if found is not None:
            self._found[kind, key] = found
        return cast("T | None", found)

    def sites(self) -> list[tuple[str, str]]:
        """Return code and name of every site."""
        every = places.all_sites(self._session)
        return [(site.code, places.name_in(site, self._language)) for site in every]

    def rooms(self) -> list[tuple[str, str]]:
        """Return id and name of every room, the site's name before it where there are several."""
        every = places.all_sites(self._session)
        found: list[tuple[str, str]] = []
        for site in every:
            for room in places.rooms(self._session, site.code, EVERYTHING).items:
                name = places.name_in(room, self._language)
                if room.capacity:
                    name = gettext("%(room)s (%(num)d seats)", room=name, num=room.capacity)
                site_name = f"{self.site(site.code)}: " if len(every) > 1 else ""
                found.append((room.id, f"{site_name}{name}"))
        return found

    def hosts(self) -> list[tuple[str, str]]:
        """Return id and name of everybody whom visitors can come to."""
        every = people.people(self._session, EVERYTHING, active=True).items
        return sorted(((each.id, each.name) for each in every), key=lambda entry: entry[1])

    def home_time_zone(self) -> str | None:
        """Return the time zone of the first site: the panel's pages show times in it."""
        every = places.all_sites(self._session)
        return every[0].time_zone if every else None


def chosen_place(text: str) -> tuple[SiteCode, int | None]:
    """Return the site and zone of a choice such as `TYO:2`; without a zone it is the whole site (None).

    Raises `Invalid` for what no form offers: a zone that cannot be read must not become the whole site.
    """
    found = re.fullmatch(r"([A-Z]{1,3}):([0-9]{0,2})", text)
    if found is None:
        raise Invalid([("place", "Please choose one of those offered.")])
    return SiteCode(found[1]), int(found[2]) if found[2] else None
