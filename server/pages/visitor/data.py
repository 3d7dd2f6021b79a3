"""What is kept about a visitor: they see it, take it along as a file, and have it deleted, all by themselves."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, cast

from flask import Response, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.pages.visitor import blueprint
from server.pages.visitor.sections import Shown
from server.pages.visitor.survey import is_afterwards
from server.pages.visitor.visiting import Visiting, visiting
from server.privacy import actions as privacy
from server.privacy.actions import Told
from server.web.formats import local
from server.web.languages import LANGUAGES, gettext
from server.web.limits import SMALL, at_most, limited

_SPREAD = frozenset({"visitor", "visit"})


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
    return render_template(
        template,
        token=now.token,
        site_name=now.names.site(now.visit.site),
        at=told.at,
        chapters=[
            Chapter(_title(name), facts)
            for name, kept in told.subjects.items()
            if (facts := list(_facts(kept)))
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


def _facts(kept: object) -> Iterator[Fact]:
    """Return what a subject keeps, name by name; what is empty is left out."""
    if isinstance(kept, list):
        if kept:
            yield Fact("", [_line(each) for each in cast("list[object]", kept)])
        return
    for key, value in cast("dict[str, object]", kept or {}).items():
        match value:
            case None | "" | False:
                continue
            case dict() if key in _SPREAD:
                yield from _facts(cast("dict[str, object]", value))
            case dict() | list() if not value:
                continue
            case list():
                yield Fact(_label(key), [_line(each) for each in cast("list[object]", value)])
            case _:
                yield Fact(_label(key), [_line(value)])


def _line(kept: object) -> str:
    """Return one entry of a list on one line."""
    if not isinstance(kept, dict):
        return _value(kept)
    parts = [_value(each) for each in cast("dict[str, object]", kept).values() if each]
    return " · ".join(part for part in parts if part)


def _value(kept: object) -> str:
    if kept is True:
        return gettext("Yes")
    if isinstance(kept, list):
        return ", ".join(_line(each) for each in cast("list[object]", kept))
    if isinstance(kept, dict):
        return _line(cast("dict[str, object]", kept))
    text = str(kept)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _words().get(text, text)
    return local(moment, "both") if moment.tzinfo else text


def _words() -> dict[str, str]:
    return {
        "exit_gate": gettext("Left through the gate"),
        "by_itself": gettext("Taken to have left"),
        "guard": gettext("Checked out by a guard"),
        "static": gettext("Printed or mailed"),
        "bound": gettext("Bound to a phone"),
        "in": gettext("in"),
        "out": gettext("out"),
        **LANGUAGES,
    }


def _title(name: str) -> str:
    titles = {
        "visit": gettext("You and your visit"),
        "arrival": gettext("How you came"),
        "passes": gettext("Your passes"),
        "doors": gettext("Doors that you passed"),
        "conversation": gettext("Your chat"),
        "survey": gettext("What you said afterwards"),
        "messages": gettext("Mails and messages"),
        "meetings": gettext("Your meeting"),
        "refreshments": gettext("Your drinks"),
    }
    return titles.get(name, name)


def _label(key: str) -> str:
    labels = {
        "name": gettext("Name"),
        "email": gettext("Mail address"),
        "company": gettext("Company"),
        "language": gettext("Language"),
        "step_free": gettext("A way without steps"),
        "needs": gettext("What you need"),
        "invited_at": gettext("Invited"),
        "title": gettext("Visit"),
        "note": gettext("A few words"),
        "bring": gettext("What to bring"),
        "site": gettext("Site"),
        "starts_at": gettext("Begins"),
        "ends_at": gettext("Ends"),
        "phone": gettext("Your phone"),
        "left": gettext("You left"),
        "answered_at": gettext("When"),
        "replied_at": gettext("Answered"),
        "checked_in": gettext("Checked in"),
        "registered": gettext("Registered at the entrance"),
        "agreements": gettext("You agreed to"),
        "wishes": gettext("You asked for"),
        "companions": gettext("You bring"),
        "at": gettext("When"),
        "coming": gettext("On the way"),
        "passes": gettext("Pass"),
        "passages": gettext("Passed"),
        "messages": gettext("Message"),
        "mails": gettext("Mail"),
        "hosts_were_told": gettext("Your host was told"),
        "messengers": gettext("Messenger"),
        "score": gettext("Your score"),
        "comment": gettext("Your comment"),
        "reply": gettext("Our answer"),
        "kept_for_next_time": gettext("Kept for your next visit"),
    }
    return labels.get(key, key.replace("_", " "))
