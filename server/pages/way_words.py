"""A way in words, one line for each leg, in the language of the page."""

from collections.abc import Sequence

from server.wayfinding.legs import Leg, LegKind, Route, Turn
from server.wayfinding.plans import Building, Climb, OpeningId, UnitId
from server.web.languages import gettext


class Speaker:
    """Says a way; `portals` are the names by which the site calls its portals."""

    def __init__(
        self, building: Building, language: str, portals: dict[str, str], target: str = ""
    ) -> None:
        """Take the building, the language of the page, and what the room one looks for is called."""
        self._building, self._language = building, language
        self._portals, self._target = portals, target

    def lines(self, route: Route) -> list[str]:
        """Return one line for each leg."""
        legs = route.legs
        return [
            self._line(leg, legs[number + 1] if number + 1 < len(legs) else None)
            for number, leg in enumerate(legs)
        ]

    def door(self, opening: OpeningId) -> str:
        """Return what an opening is called; empty where it has no name."""
        found = self._building.openings[opening]
        named = self._portals.get(found.portal or "", "")
        return named or found.name.of(self._language)

    def place(self, unit: UnitId) -> str:
        """Return what a unit is called; empty where it has no name."""
        return self._building.units[unit].name.of(self._language)

    def _line(self, leg: Leg, after: Leg | None) -> str:
        match leg.kind:
            case LegKind.WALK:
                end = self._end(leg, after)
                return _joined(_walk(leg), end)
            case LegKind.RIDE:
                return self._ride(leg)
            case LegKind.ARRIVE:
                return self._arrive(leg)

    def _end(self, leg: Leg, after: Leg | None) -> str:
        """Say what is at the end of a leg on foot."""
        if after is None or leg.opening is None:
            return ""
        if after.kind is LegKind.RIDE and after.climb is not None:
            return _where(_climb_words(after.climb), leg.side)
        if after.kind is LegKind.ARRIVE and after.opening == leg.opening:
            # The arrival says which door it is.
            return ""
        door, place = self.door(leg.opening), self.place(after.unit)
        if not door and self._building.openings[leg.opening].is_open and place:
            return gettext("Go on into: %(place)s.", place=place)
        if not door and place:
            return _joined(
                _through(gettext("the door"), leg.side),
                gettext("You come into: %(place)s.", place=place),
            )
        return _through(door or gettext("the door"), leg.side)

    def _ride(self, leg: Leg) -> str:
        start = self._building.level(leg.level)
        end = self._building.level(leg.to_level or leg.level)
        floor = end.short_name.of(self._language)
        up = end.ordinal > start.ordinal
        match leg.climb:
            case Climb.ELEVATOR:
                return gettext("Take the lift to %(floor)s.", floor=floor)
            case Climb.ESCALATOR if up:
                return gettext("Take the escalator up to %(floor)s.", floor=floor)
            case Climb.ESCALATOR:
                return gettext("Take the escalator down to %(floor)s.", floor=floor)
            case Climb.RAMP:
                return gettext("Take the ramp to %(floor)s.", floor=floor)
            case _ if up:
                return gettext("Take the stairs up to %(floor)s.", floor=floor)
            case _:
                return gettext("Take the stairs down to %(floor)s.", floor=floor)

    def _arrive(self, leg: Leg) -> str:
        if leg.landmark is not None:
            thing = self._building.landmarks[leg.landmark]
            name = self._portals.get(thing.portal or "", "") or thing.name.of(self._language)
            return _where(name, leg.side)
        if leg.opening is not None and self._is_way_out(leg):
            return gettext("Here is the way out: %(door)s.", door=self.door(leg.opening))
        place = self._target or self.place(leg.unit)
        door = self.door(leg.opening) if leg.opening else ""
        if not door:
            return _where(place, leg.side)
        return _joined(_where(place, leg.side), gettext("Go in through %(door)s.", door=door))

    def _is_way_out(self, leg: Leg) -> bool:
        return leg.opening is not None and len(self._building.openings[leg.opening].units) == 1


def _walk(leg: Leg) -> str:
    metres = max(1, round(leg.metres))
    match leg.turn:
        case Turn.LEFT:
            return gettext("Turn left and go %(metres)d m.", metres=metres)
        case Turn.RIGHT:
            return gettext("Turn right and go %(metres)d m.", metres=metres)
        case Turn.BACK:
            return gettext("Turn round and go %(metres)d m.", metres=metres)
        case Turn.STRAIGHT:
            return gettext("Go straight on for %(metres)d m.", metres=metres)
        case None:
            return gettext("Go %(metres)d m.", metres=metres)


def _through(door: str, side: Turn | None) -> str:
    match side:
        case Turn.LEFT:
            return gettext("On your left, go through %(door)s.", door=door)
        case Turn.RIGHT:
            return gettext("On your right, go through %(door)s.", door=door)
        case _:
            return gettext("Go through %(door)s.", door=door)


def _where(what: str, side: Turn | None) -> str:
    match side:
        case Turn.LEFT:
            return gettext("On your left: %(place)s.", place=what)
        case Turn.RIGHT:
            return gettext("On your right: %(place)s.", place=what)
        case Turn.STRAIGHT:
            return gettext("Straight ahead: %(place)s.", place=what)
        case _:
            return gettext("You are there: %(place)s.", place=what)


def _climb_words(climb: Climb) -> str:
    match climb:
        case Climb.ELEVATOR:
            return gettext("the lift")
        case Climb.ESCALATOR:
            return gettext("the escalator")
        case Climb.RAMP:
            return gettext("the ramp")
        case Climb.STAIRS | Climb.STEPS:
            return gettext("the stairs")


def _joined(*sentences: str) -> str:
    """Return sentences one after the other, as the language joins them."""
    given: Sequence[str] = [each for each in sentences if each]
    return "".join(
        each if number == 0 or given[number - 1].endswith("。") else f" {each}"
        for number, each in enumerate(given)
    )
