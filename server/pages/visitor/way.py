"""The way through the building: a section of the visit page with the next step, and a page with all of it."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from flask import render_template, request, url_for

from server.pages import way as ways
from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.visiting import Visiting, visiting
from server.pages.way import Goal, Way
from server.visits.actions import CheckOutKind
from server.web.languages import gettext
from server.web.limits import limited


class Choice(NamedTuple):
    """Something else that the page can show."""

    word: str
    url: str
    here: bool


def section(now: Visiting) -> Shown | None:
    """Return the next step, and the floor on which the visitor stands."""
    found = _way(now)
    if found is None:
        return None
    return Shown(
        {
            "way": found,
            "floors": found.floors[:1],
            "heading": _heading(found),
            "line": found.lines[0] if found.lines and not found.is_there else "",
            "url": url_for("visitor.way", token=now.token),
        }
    )


@blueprint.get("/<token>/way")
@limited("120 per minute")
def way(token: str) -> str:
    """Show the way through the building, floor by floor and step by step."""
    with visiting(token) as now:
        return render_template("visitor/way.html", **_values(now))


@blueprint.get("/<token>/way/parts")
@limited("120 per minute")
def way_parts(token: str) -> str:
    """Return the way alone, for a page that is open and learned that a door opened."""
    with visiting(token) as now:
        return render_template("visitor/way_parts.html", **_values(now))


def _values(now: Visiting) -> dict[str, object]:
    goal, step_free = _asked_goal(), _asked_step_free()
    found = _way(now, goal, step_free=step_free)
    asked = {
        name: value
        for name, value in (("to", goal), ("step_free", request.args.get("step_free")))
        if value is not None and found is not None
    }
    return {
        "token": now.token,
        "site_name": now.names.site(now.visit.site),
        "way": found,
        "heading": _heading(found) if found else "",
        "goals": _goals(now, found, asked) if found else [],
        "other_way": _other_way(now, found, asked) if found and not found.is_there else None,
        "parts_url": _url(now, asked, "visitor.way_parts"),
    }


def _way(now: Visiting, goal: Goal | None = None, *, step_free: bool | None = None) -> Way | None:
    if now.is_off or now.has_declined or _has_gone_unseen(now):
        return None
    return ways.way_of(now.work, now.visit, now.visitor, now.names, goal, step_free=step_free)


def _has_gone_unseen(now: Visiting) -> bool:
    """Tell whether the visitor left without a gate: of whoever passed one, the way knows better where they are."""
    gone = now.left
    return gone is not None and gone.how is not CheckOutKind.EXIT_GATE


def _asked_goal() -> Goal | None:
    asked = request.args.get("to", "")
    return Goal(asked) if asked in set(Goal) else None


def _asked_step_free() -> bool | None:
    return {"yes": True, "no": False}.get(request.args.get("step_free", ""))


def _goals(now: Visiting, found: Way, asked: dict[str, str]) -> Sequence[Choice]:
    words = {
        Goal.ROOM: now.names.room(now.visit.room) or gettext("The room"),
        Goal.DRINK: gettext("A drink"),
        Goal.OUT: gettext("The way out"),
    }
    return [
        Choice(
            words[each],
            _url(now, asked | {"to": each.value}),
            each is found.goal,
        )
        for each in found.goals
    ]


def _other_way(now: Visiting, found: Way, asked: dict[str, str]) -> Choice:
    word = (
        gettext("Show the quickest way") if found.step_free else gettext("Show a way without steps")
    )
    values = asked | {"step_free": "no" if found.step_free else "yes"}
    return Choice(word, _url(now, values), here=found.step_free)


def _heading(found: Way) -> str:
    match found.goal:
        case Goal.OUT:
            return gettext("The way out")
        case _ if found.is_there:
            return gettext("You are at %(place)s", place=found.target)
        case _:
            return gettext("The way to %(place)s", place=found.target)


def _url(now: Visiting, asked: dict[str, str], page: str = "visitor.way") -> str:
    query = f"?{urlencode(asked)}" if asked else ""
    return url_for(page, token=now.token) + query
