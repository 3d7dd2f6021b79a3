"""How somebody who scanned a poster shows that they stand before it, and which showings together are enough.

A poster can be photographed and opened anywhere. So each access point names one or more *ways*, and a
poster opens it only for whoever shows everything of one of them.
"""

from collections.abc import Iterable
from enum import StrEnum


class Presence(StrEnum):
    """One thing that speaks for somebody being where the poster hangs."""

    KEY = "key"
    """The credential bound to this phone signed just now: says who it is, and that the phone was not left behind."""
    POSITION = "position"
    """The phone says that it is there. It can be made to say so anywhere, hence never alone."""
    CODE = "code"
    """The code that a screen at the entrance showed in these seconds (`entrance_code`)."""
    APPROVAL = "approval"
    """A host or guard said yes to this visitor at this entrance."""


Way = frozenset[Presence]
"""What must all be shown together."""
Ways = frozenset[Way]
"""What is enough at an access point: any one of these, in full."""

NEVER_ENOUGH: frozenset[Way] = frozenset({Way(), Way({Presence.POSITION})})
DEFAULT: Ways = frozenset(
    {frozenset({Presence.KEY, Presence.CODE}), frozenset({Presence.APPROVAL})}
)
"""What an access point asks for where nobody chose: the phone's own key and the code on the spot, or a yes."""


class UnsafeWaysError(ValueError):
    """Ways that would let in somebody who shows nothing, or only a position, or that nobody can go."""


def ways(chosen: Iterable[Iterable[str]]) -> Ways:
    """Return the chosen ways, or raise `UnsafeWaysError`; the names are those of `Presence`."""
    try:
        found = frozenset(Way(map(Presence, way)) for way in chosen)
    except ValueError as error:
        raise UnsafeWaysError(str(error)) from error
    if not found:
        message = "choose at least one way to show that somebody is there"
        raise UnsafeWaysError(message)
    if Way() in found:
        message = "a way in which nothing is shown is none"
        raise UnsafeWaysError(message)
    if Way({Presence.POSITION}) in found:
        message = "a position can be faked: ask for something else beside it"
        raise UnsafeWaysError(message)
    return found


def is_enough(shown: frozenset[Presence], asked: Ways) -> bool:
    """Tell whether one of the ways asked for is shown in full; what is never enough counts for none."""
    return any(way <= shown for way in asked - NEVER_ENOUGH)


def written(asked: Ways) -> list[list[str]]:
    """Return ways in their one order, as they stand in a database and in an API."""
    order = tuple(Presence)
    return sorted(
        (sorted(map(str, way), key=[*map(str, order)].index) for way in asked),
        key=lambda way: (len(way), [[*map(str, order)].index(each) for each in way]),
    )
