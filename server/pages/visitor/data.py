"""What is kept about a visitor: they see it, take it along as a file, and have it deleted, all by themselves."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from flask import Response, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import AccessPointId, PortalId, SiteCode
from server.pages.visitor import blueprint, data_words
from server.pages.visitor.sections import Shown
from server.pages.visitor.survey import is_afterwards
from server.pages.visitor.visiting import Visiting, visiting
from server.privacy import actions as privacy
from server.privacy.actions import Told
from server.web.languages import gettext
from server.web.limits import SMALL, at_most, limited

_SPREAD = frozenset({"visitor", "visit"})
_SAID_ALREADY = frozenset({"bound_to_a_phone"})
"""What the kind of a pass says as well."""


class Fact(NamedTuple):
    """What it is, and all that is kept of it, one line each."""

    name: str
    values: list[str]


class Chapter(NamedTuple):
    """What one part of the house keeps."""

    title: str
    facts: list[Fact]


def section(now: Visiting) -> Shown | None:
    """Return the way to the visitor's data."""
    return Shown({"url": url_for("visitor.data", token=now.token)})


@blueprint.get("/<token>/data")
@limited("30 per minute")
def data(token: str) -> str:
    """Show all that is kept about the visitor, and what can be done with it."""
    with visiting(token) as now:
        return _page(now, "visitor/data.html")


@blueprint.get("/<token>/data.json")
@limited("10 per minute")
def data_json(token: str) -> Response:
    """Give all of it as JSON, for programs."""
    with visiting(token) as now:
        told = privacy.about(now.work, now.visitor.id)
        text = json.dumps(_whole(told), ensure_ascii=False, indent=2)
    return _file(text, "application/json", "json")


@blueprint.get("/<token>/data.html")
@limited("10 per minute")
def data_file(token: str) -> Response:
    """Give all of it as a page that stands alone, for people."""
    with visiting(token) as now:
        text = _page(now, "visitor/data_file.html")
    return _file(text, "text/html", "html")


@blueprint.route("/<token>/data/delete", methods=["GET", "POST"])
@limited("10 per minute")
@at_most(SMALL)
def delete_data(token: str) -> AnyResponse:
    """Say what goes and what stays, and delete it when the visitor presses the button on their own phone."""
    if request.method == "POST":
        with visiting(token, writes=True) as now:
            site_name = now.names.site(now.visit.site)
            privacy.ask_to_be_forgotten(now.work, now.visitor.id)
        text = render_template("visitor/forgotten.html", site_name=site_name)
        return Response(text, mimetype="text/html", headers={"Clear-Site-Data": '"storage"'})
    with visiting(token) as now:
        text = render_template(
            "visitor/delete_data.html",
            token=token,
            site_name=now.names.site(now.visit.site),
            inside=not privacy.may_be_forgotten(now.work, now.visitor),
            coming=now.counts and not is_afterwards(now),
        )
    return Response(text, mimetype="text/html")


def _page(now: Visiting, template: str) -> str:
    told = privacy.about(now.work, now.visitor.id)
    names = _Names(now)
    return render_template(
        template,
        token=now.token,
        site_name=now.names.site(now.visit.site),
        at=told.at,
        chapters=[
            Chapter(data_words.title(name), facts)
            for name, kept in told.subjects.items()
            if (facts := list(_facts(kept, names)))
        ],
    )


def _whole(told: Told) -> dict[str, Any]:
    return {"visitor": told.visitor, "at": told.at.isoformat(), **told.subjects}


def _file(text: str, media_type: str, ending: str) -> Response:
    return Response(
        text,
        mimetype=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="genkan-my-data.{ending}"',
            "Cache-Control": "no-store",
        },
    )


class _Names:
    """Words for what a subject keeps under a name of ours: sites, portals and access points by what hangs there."""

    def __init__(self, now: Visiting) -> None:
        self._names, self._site = now.names, now.visit.site

    def value(self, key: str, kept: object) -> str:
        match key:
            case "site":
                return self._names.site(SiteCode(str(kept)))
            case "portal" | "machine":
                return self._names.portal(self._site, PortalId(str(kept)))
            case "where":
                return self._names.access_point(self._site, AccessPointId(str(kept)))
            case _:
                return data_words.value(key, kept)


def _facts(kept: object, names: _Names) -> Iterator[Fact]:
    """Return what a subject keeps, name by name; what is empty is left out."""
    if isinstance(kept, list):
        if kept:
            yield Fact("", [_line("", each, names) for each in cast("list[object]", kept)])
        return
    for key, value in cast("dict[str, object]", kept or {}).items():
        match value:
            case None | "" | False:
                continue
            case dict() if key in _SPREAD:
                yield from _facts(cast("dict[str, object]", value), names)
            case dict() | list() if not value:
                continue
            case list():
                lines = [_line(key, each, names) for each in cast("list[object]", value)]
                yield Fact(data_words.label(key), lines)
            case _:
                yield Fact(data_words.label(key), [_line(key, value, names)])


def _line(key: str, kept: object, names: _Names) -> str:
    """Return one entry of a list on one line."""
    if kept is True:
        return gettext("Yes")
    if isinstance(kept, list):
        return ", ".join(_line(key, each, names) for each in cast("list[object]", kept))
    if not isinstance(kept, dict):
        return names.value(key, kept)
    known = cast("dict[str, object]", kept)
    parts = [
        _line(name, each, names)
        for name, each in known.items()
        if each and name not in _SAID_ALREADY
    ]
    return " · ".join(part for part in parts if part)
