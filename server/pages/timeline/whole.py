"""The whole timeline of a visit, newest first: what every source knows, in one order."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import render_template

from server.kernel.work import Work
from server.pages.timeline import coming, doors, drinks, invited, leaving, meeting, words
from server.pages.timeline.entry import Entry, Source, Told
from server.visits import models
from server.visits.models import Visit, Visitor

SOURCES: tuple[Source, ...] = (
    invited.appointment,
    invited.invitations,
    invited.phones,
    invited.replies,
    coming.crossings,
    coming.answers,
    words.messages,
    coming.check_ins,
    doors.decisions,
    doors.passages,
    drinks.drinks,
    meeting.meeting,
    meeting.corrections,
    leaving.check_outs,
    leaving.surveys,
)
"""Of what happened in the same second, the later source stands above the earlier one, as it followed from it."""


class Line(NamedTuple):
    """One entry as it is shown."""

    entry: Entry
    who: str


def for_staff(work: Work, visit: Visit, guests: Sequence[Visitor] | None = None) -> list[Line]:
    """Return all that happened in a visit; the caller has made sure that it may be seen."""
    every = models.visitors_of(work.session, visit.id) if guests is None else guests
    return _lines(Told(work, visit, every, to_visitor=False))


def for_visitor(work: Work, visit: Visit, visitor: Visitor) -> list[Line]:
    """Return what happened in a visit as this visitor may see it."""
    return _lines(Told(work, visit, [visitor], to_visitor=True))


def entries(told: Told) -> list[Entry]:
    """Return what every source knows, newest first."""
    found = [
        (entry.at, place, entry) for place, source in enumerate(SOURCES) for entry in source(told)
    ]
    return [entry for _, _, entry in sorted(found, key=lambda each: each[:2], reverse=True)]


def shown(lines: Sequence[Line]) -> str:
    """Return the timeline as a fragment of a page."""
    return render_template("timeline.html", entries=lines)


def _lines(told: Told) -> list[Line]:
    return [
        Line(each, " · ".join(part for part in (_called(told, each), each.who) if part))
        for each in entries(told)
    ]


def _called(told: Told, entry: Entry) -> str:
    return told.called.get(entry.visitor, "") if entry.visitor else ""
