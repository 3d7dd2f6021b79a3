"""How times are written for people: in the site's zone and the reader's language."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Flask-Babel leaves the types of its arguments open.

from datetime import UTC, datetime, timedelta

import flask_babel
from flask import Flask

from server.web.languages import gettext

_JUST_NOW = timedelta(seconds=45)


def install(app: Flask) -> None:
    """Make the filters known to the templates."""
    for each in (iso, local, ago, span):
        app.add_template_filter(each)


def iso(moment: datetime) -> str:
    """Return RFC 3339 with Z, for machines."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def local(moment: datetime, form: str = "time") -> str:
    """Return the moment for people; form is one of time, seconds, day, date, both, exact."""
    match form:
        case "time":
            return flask_babel.format_time(moment, "HH:mm")
        case "seconds":
            return flask_babel.format_time(moment, "HH:mm:ss")
        case "day":
            return flask_babel.format_date(moment, "full")
        case "date":
            return flask_babel.format_date(moment, "medium")
        case "exact":
            return f"{local(moment, 'date')} {local(moment, 'seconds')}"
        case _:
            return f"{local(moment, 'date')} {local(moment, 'time')}"


def ago(moment: datetime, now: datetime) -> str:
    """Return roughly how long ago something was: just now, 3 minutes ago, 2 days ago."""
    past = now - moment
    if past < _JUST_NOW:
        return gettext("just now")
    return flask_babel.format_timedelta(-past, add_direction=True)


def span(start: datetime, end: datetime) -> str:
    """Return from when to when, the date of the end only where it is another day."""
    last = local(end, "time" if same_day(start, end) else "both")
    return f"{local(start, 'time')} – {last}"


def same_day(one: datetime, other: datetime) -> bool:
    """Tell whether two moments fall on one day where the site stands."""
    return local_date(one) == local_date(other)


def local_date(moment: datetime) -> str:
    """Return the date where the site stands, as YYYY-MM-DD."""
    return to_local(moment)[:10]


def from_local(text: str) -> datetime:
    """Return the moment that a `datetime-local` field holds, read in the site's zone; ValueError otherwise."""
    moment = flask_babel.to_utc(datetime.fromisoformat(text).replace(tzinfo=None))
    return moment.replace(tzinfo=UTC)


def to_local(moment: datetime) -> str:
    """Return the moment for a `datetime-local` field in the site's zone."""
    return str(flask_babel.to_user_timezone(moment).strftime("%Y-%m-%dT%H:%M"))
