"""The words for what a poster at an access point asks for, and the boxes by which that is chosen."""

from collections.abc import Iterable

from access_protocol import presence
from access_protocol.presence import Presence, Way, Ways
from server.web.languages import gettext

_JOIN = "+"
_OFFERED: tuple[Way, ...] = (
    Way({Presence.KEY, Presence.CODE}),
    Way({Presence.KEY, Presence.POSITION}),
    Way({Presence.APPROVAL}),
    Way({Presence.CODE}),
    Way({Presence.KEY}),
)


def boxes(chosen: Ways) -> list[tuple[str, str]]:
    """Return value and words of each box: the ways that are offered, and others that were chosen by the API."""
    in_order = [Way(map(Presence, way)) for way in presence.written(chosen)]
    others = [way for way in in_order if way not in _OFFERED]
    return [(_value(way), _words(way)) for way in (*_OFFERED, *others)]


def checked(chosen: Ways) -> list[str]:
    """Return the values of the boxes that stand for these ways."""
    return [_value(way) for way in chosen]


def read(values: Iterable[str]) -> list[list[str]]:
    """Return the ways that boxes stand for, not checked yet."""
    return [value.split(_JOIN) for value in values]


def _value(way: Way) -> str:
    (written,) = presence.written(frozenset({way}))
    return _JOIN.join(written)


def _words(way: Way) -> str:
    known = {
        Way({Presence.KEY, Presence.CODE}): gettext(
            "The visitor's own phone, and the changing code on a screen there"
        ),
        Way({Presence.KEY, Presence.POSITION}): gettext(
            "The visitor's own phone, and its position there"
        ),
        Way({Presence.APPROVAL}): gettext("A host or guard says yes"),
        Way({Presence.CODE}): gettext(
            "The changing code on a screen there, on any phone that holds the visitor's link"
        ),
        Way({Presence.KEY}): gettext(
            "The visitor's own phone alone: they can open from anywhere, with a photo of the poster"
        ),
    }
    return known.get(way) or gettext(" and ").join(_one(each) for each in Presence if each in way)


def _one(each: Presence) -> str:
    words = {
        Presence.KEY: gettext("the visitor's own phone"),
        Presence.POSITION: gettext("its position"),
        Presence.CODE: gettext("the changing code"),
        Presence.APPROVAL: gettext("a yes by host or guard"),
    }
    return words[each]
