"""Where a visit is: its site and room, the zones that its visitors may enter, and how people read that."""

from sqlmodel import col, select

from access_protocol.credential import MOST_ZONES
from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.errors import Invalid
from server.kernel.ids import RoomId
from server.kernel.work import Work
from server.places import models as places
from server.places.models import Floor, Room, Site, Zone


def site_for(work: Work, code: SiteCode | None, room_id: RoomId | None) -> Site:
    """Return the site of a visit: the one that was named, the room's, or the only one there is."""
    room = _room(work, room_id)
    if code is None and room is not None:
        code = room.site
    if code is not None:
        site = places.site_with(work.session, code)
        if site is None:
            raise Invalid([("site", f"there is no site {code}")])
        if room is not None and room.site != site.code:
            raise Invalid([("room", f"is not at site {site.code}")])
        return site
    known = places.all_sites(work.session)
    if len(known) != 1:
        raise Invalid([("site", "is needed: choose one of " + ", ".join(s.code for s in known))])
    return known[0]


def zones_for(
    work: Work, site: Site, room_id: RoomId | None, wanted: list[int] | None
) -> list[int]:
    """Return the zones of a visit: those asked for, or the site's open to guests and the room's own."""
    room = _room(work, room_id)
    if wanted is None:
        wanted = _usual_zones(work, site, room)
    known = set(
        work.session.exec(
            select(Zone.number).where(Zone.site == site.code, col(Zone.number).in_(wanted))
        ).all()
    )
    unknown = [number for number in wanted if number not in known]
    if unknown:
        raise Invalid([("zones", f"site {site.code} has no zone {unknown[0]}")])
    if not 1 <= len(wanted) <= MOST_ZONES:
        raise Invalid([("zones", f"name the zones to be entered, at most {MOST_ZONES}")])
    return sorted(wanted)


def _usual_zones(work: Work, site: Site, room: Room | None) -> list[int]:
    rooms = set(work.session.exec(select(Room.zone).where(Room.site == site.code)).all())
    passed = set(site.static_zones) - rooms
    return sorted(passed | ({room.zone} if room else set[int]()))


def _room(work: Work, room_id: RoomId | None) -> Room | None:
    if room_id is None:
        return None
    room = work.session.get(Room, room_id)
    if room is None or not room.bookable:
        raise Invalid([("room", "there is no such room for visits")])
    return room


def described(work: Work, site_code: SiteCode, room_id: RoomId | None, language: Language) -> str:
    """Return where a visit is, as people read it: room, floor, site and address."""
    site = work.session.get_one(Site, site_code)
    parts = [places.name_in(site, language), " ".join(site.address.split())]
    room = work.session.get(Room, room_id) if room_id else None
    if room is not None:
        floor = work.session.get(Floor, room.floor) if room.floor else None
        parts.insert(0, places.name_in(room, language))
        if floor is not None:
            parts.insert(1, places.name_in(floor, language))
    separator = ", " if language is Language.EN else "、" if language is Language.JA else ","
    return separator.join(part for part in parts if part)


def first_time_zone(work: Work) -> str:
    """Return the time zone of the only site, or of the first of several."""
    known = places.all_sites(work.session)
    return known[0].time_zone if known else "UTC"
