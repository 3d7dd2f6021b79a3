"""The panel's navigation: the day's work first, and all the rest in a few groups."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from flask import request, url_for

from server.kernel.principal import Right
from server.kernel.request import caller
from server.pages.panel.survey import may_read_any
from server.web.languages import gettext

FEW = 5
"""So many places need no groups, and all have room in a phone's bar."""


class Place(NamedTuple):
    """One entry of the navigation."""

    word: str
    icon: str
    url: str
    here: bool


class Group(NamedTuple):
    """Places that belong together."""

    heading: str
    places: Sequence[Place]


class Navigation(NamedTuple):
    """Where the person at this browser may go."""

    daily: Sequence[Place]
    """What is open all day; on a phone it stands in the bar."""
    groups: Sequence[Group]
    """The rest; on a phone it is one step away."""
    is_in_groups: bool
    """Whether this page is one of the rest."""


class _Entry(NamedTuple):
    word: str
    icon: str
    endpoint: str
    right: Right | None = None
    """Nothing where everybody who is signed in may see it."""
    also: tuple[str, ...] = ()
    """Pages that one comes to from there though their addresses begin otherwise."""


def navigation() -> Navigation:
    """Return what the person at this browser may see."""
    daily = _allowed(_daily())
    groups = [
        Group(heading, found)
        for heading, entries in (
            (gettext("Building"), _building()),
            (gettext("Looking back"), _looking_back()),
            (gettext("Settings"), _settings()),
        )
        if (found := _allowed(entries))
    ]
    rest = [place for group in groups for place in group.places]
    if len(daily) + len(rest) <= FEW:
        return Navigation([*daily, *rest], [], is_in_groups=False)
    return Navigation(daily, groups, is_in_groups=any(place.here for place in rest))


def _daily() -> list[_Entry]:
    conflicts = ("panel.conflicts", "panel.amnesty")
    return [
        _Entry(gettext("Live"), "live", "panel.live", Right.ACCESS_READ, conflicts),
        _Entry(gettext("Visits"), "visits", "panel.visits", also=("panel.find_visitor",)),
        _Entry(gettext("At the entrance"), "person", "panel.walk_ins"),
        _Entry(gettext("Messages"), "message", "panel.inbox", Right.CONVERSATIONS_ANSWER),
        _Entry(gettext("Doors"), "doors", "panel.doors", Right.ACCESS_READ, ("panel.lockdown",)),
    ]


def _building() -> list[_Entry]:
    return [
        _Entry(gettext("Devices"), "devices", "panel.devices", Right.DEVICES_READ),
        _Entry(gettext("Drinks"), "drink", "panel.drinks_page", Right.REFRESHMENTS_MANAGE),
        _Entry(gettext("Floor plans"), "building", "panel.floor_plans", Right.PLACES_MANAGE),
        _Entry(gettext("Posters"), "credential", "panel.posters", Right.PLACES_MANAGE),
    ]


def _looking_back() -> list[_Entry]:
    entries = [
        _Entry(gettext("Meetings"), "room", "panel.meetings_today", Right.MEETINGS_READ),
        _Entry(gettext("Mail"), "mail", "panel.mail", Right.MAIL_READ),
    ]
    if may_read_any():
        entries.insert(1, _Entry(gettext("Survey"), "granted", "panel.surveys"))
    return entries


def _settings() -> list[_Entry]:
    return [
        _Entry(gettext("Policy"), "key", "panel.policy", Right.PLACES_MANAGE),
        _Entry(
            gettext("People"), "people", "panel.staff", Right.PEOPLE_READ, also=("panel.groups",)
        ),
        _Entry(gettext("Questions"), "information", "panel.questions", Right.CONVERSATIONS_ANSWER),
        _Entry(gettext("Data protection"), "locked", "panel.privacy", Right.PLACES_MANAGE),
        _Entry(gettext("Account"), "account", "panel.account"),
    ]


def _allowed(entries: Iterable[_Entry]) -> list[Place]:
    rights = caller().principal
    return [
        Place(each.word, each.icon, url_for(each.endpoint), _is_here(each))
        for each in entries
        if each.right is None or rights.may(each.right)
    ]


def _is_here(entry: _Entry) -> bool:
    return any(request.path.startswith(url_for(each)) for each in (entry.endpoint, *entry.also))
