"""The sheet of a meeting to keep: as PDF, and as a table for spreadsheets."""

from collections.abc import Iterable
from datetime import datetime
from importlib import resources

from flask import Response, render_template

from server.kernel import csv_safe, paper
from server.pages.meetings import Line, Sheet, Told
from server.web.formats import iso, local_date
from server.web.languages import current, gettext, pgettext


def pdf(sheet: Sheet, now: datetime) -> Response:
    """Return the sheet as PDF, A4, fonts embedded."""
    text = render_template("meeting_paper.html", sheet=sheet, language=current(), made_at=now)
    style = (resources.files("server.pages") / "papers" / "meeting.css").read_text("utf-8")
    return _download(paper.pdf(text, [style]), "application/pdf", f"{_name(sheet)}.pdf")


def table(sheets: Iterable[Sheet], name: str = "") -> Response:
    """Return one row for each person in each of the meetings; times are UTC (RFC 3339)."""
    found = list(sheets)
    rows = [_row(sheet, line) for sheet in found for line in sheet.people or _NOBODY]
    body = csv_safe.written(_head(), rows)
    return _download(body, csv_safe.MIME_TYPE, f"{name or _name(found[0])}.csv")


_NOBODY = (None,)
"""A meeting of which nothing is recorded still has its row."""


def _head() -> list[str]:
    return [
        gettext("Appointment begins"),
        gettext("Appointment ends"),
        gettext("Purpose"),
        gettext("Room"),
        gettext("Host"),
        gettext("State"),
        gettext("Began"),
        gettext("Began: how sure"),
        gettext("Ended"),
        gettext("Ended: how sure"),
        gettext("Late"),
        gettext("Over"),
        pgettext("person", "Name"),
        gettext("Company"),
        gettext("Role"),
        gettext("Part"),
        gettext("First came in"),
        gettext("Came in: how sure"),
        gettext("Left at"),
        gettext("Left: how sure"),
        gettext("Notes"),
        gettext("The host says"),
    ]


def _row(sheet: Sheet, line: Line | None) -> list[csv_safe.Cell]:
    person: list[csv_safe.Cell] = [""] * 8
    if line is not None:
        person = [
            line.name,
            line.company,
            line.role,
            line.state.word,
            *_fact(line.entered),
            *_fact(line.left),
        ]
    return [
        iso(sheet.starts_at),
        iso(sheet.ends_at),
        sheet.title,
        sheet.room,
        sheet.host,
        sheet.state.word,
        *_fact(sheet.started),
        *_fact(sheet.ended),
        sheet.late,
        sheet.over,
        *person,
        " / ".join(sheet.notes),
        " / ".join(_said(sheet)),
    ]


def _fact(told: Told) -> tuple[str, str]:
    return (iso(told.at) if told.at is not None else "", told.certainty)


def _said(sheet: Sheet) -> list[str]:
    return [
        "; ".join([*(f"{word}: {what}" for word, what in each.facts), each.reason, each.who])
        for each in sheet.settings
    ]


def _name(sheet: Sheet) -> str:
    return f"genkan-meeting-{local_date(sheet.starts_at)}-{sheet.visit[-8:]}"


def _download(body: bytes, kind: str, name: str) -> Response:
    answer = Response(body, mimetype=kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
