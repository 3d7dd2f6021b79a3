"""The page behind the mailed link: who, when, where, and what to do next; composed of sections."""

from typing import NamedTuple

from flask import Response, render_template

from server.pages.states import Badge
from server.pages.visitor import (
    answer,
    appointment,
    blueprint,
    chat,
    coming,
    credential,
    data,
    drink,
    meeting,
    messenger,
    pass_,
    replies,
    series,
    survey,
    telling,
    timeline,
    way,
)
from server.pages.visitor.sections import Part, Section, arranged
from server.pages.visitor.visiting import Visiting, at_any_phone, visiting
from server.pages.whereabouts import Stage
from server.visits.actions import Keeper, OtherPhone
from server.visits.models import VisitState
from server.web.languages import gettext
from server.web.limits import limited

_BELOW = {
    "credential",
    "series",
    "telling",
    "messenger",
    "replies",
    "returning",
    "timeline",
    "data",
}
"""What may wait, in the building too."""

SECTIONS = (
    Section("drink", drink.section),
    Section("answer", answer.section),
    Section("agree", replies.agree),
    Section("meeting", meeting.section),
    Section("way", way.section),
    Section("appointment", appointment.section),
    Section("coming", coming.section),
    Section("pass", pass_.section),
    Section("credential", credential.section),
    Section("chat", chat.section),
    Section("series", series.section),
    Section("journey", replies.journey),
    Section("steps", appointment.steps),
    Section("telling", telling.section),
    Section("messenger", messenger.section),
    Section("replies", replies.replies),
    Section("returning", survey.returning),
    Section("timeline", timeline.section),
    Section("data", data.section),
)
"""The sections in their order; the first of those that ask for something comes before all of them."""

INSIDE = (
    Section("agree", replies.agree),
    Section("drink", drink.section),
    Section("way", way.section),
    Section("meeting", meeting.section),
    Section("pass", pass_.section),
    Section("answer", answer.section),
    Section("chat", chat.section),
    Section("appointment", appointment.section),
    *(each for each in SECTIONS if each.name in _BELOW),
)
"""The sections for somebody who is in the building, in the order in which they go on: the way, a drink, the room."""

AFTERWARDS = (
    Section("way", way.section),
    Section("survey", survey.section),
    Section("returning", survey.returning),
    Section("appointment", appointment.section),
    Section("series", series.section),
    Section("timeline", timeline.section),
    Section("data", data.section),
)
"""The sections for somebody who has left."""


_IN_THE_BUILDING = {Stage.AT_GATE, Stage.IN_ROOM}


class Heading(NamedTuple):
    """What the page says first."""

    words: str
    message: Badge | None


@blueprint.get("/<token>")
@limited("120 per minute")
def visit(token: str) -> Response:
    """Show the visit: at first with one button that opens it on this phone, from then on with all that it needs."""
    with at_any_phone(token) as (now, keeper):
        if keeper is Keeper.OTHER_PHONE:
            raise OtherPhone("Please use that phone, or have a code sent to your mail.")
        closed = keeper is Keeper.NOBODY
        sections = (Section("appointment", appointment.section),)
        shown = arranged(now, sections) if closed else _parts(now)
        heading = _heading(now)
        text = render_template(
            "visitor/visit.html",
            token=token,
            greeting=_greeting(now),
            heading=heading.words,
            message=heading.message,
            closed=closed and not (now.is_over or now.is_off),
            parts=shown,
            site_name=now.names.site(now.visit.site),
        )
    return Response(text, mimetype="text/html")


@blueprint.get("/<token>/parts")
@limited("120 per minute")
def parts(token: str) -> str:
    """Return the sections alone, for a page that is open and learned that something changed."""
    with visiting(token) as now:
        heading = _heading(now)
        return render_template(
            "visitor/parts.html",
            token=token,
            greeting=_greeting(now),
            heading=heading.words,
            message=heading.message,
            parts=_parts(now),
        )


def _parts(now: Visiting) -> list[Part]:
    if survey.is_afterwards(now):
        return arranged(now, AFTERWARDS)
    if now.counts and now.stage in _IN_THE_BUILDING:
        return arranged(now, INSIDE, moves=False)
    return arranged(now, SECTIONS)


def _greeting(now: Visiting) -> str:
    if not now.is_over and now.is_kept:
        return gettext("Welcome back, %(name)s", name=now.visitor.name)
    return gettext("Dear %(name)s", name=now.visitor.name)


def _heading(now: Visiting) -> Heading:
    if now.is_off:
        message = gettext(
            "This visit will not take place. Please ask your host if this surprises you."
        )
        return Heading(gettext("Your visit was cancelled"), Badge("waiting", "cancelled", message))
    if now.has_declined:
        message = gettext(
            "Your host knows that you will not come. "
            "If you can come after all, please ask your host to expect you again."
        )
        return Heading(gettext("You have declined"), Badge("waiting", "cancelled", message))
    if survey.is_afterwards(now):
        message = gettext("It was a pleasure to have you here. Have a safe journey home.")
        return Heading(gettext("Thank you for your visit"), Badge("good", "granted", message))
    if now.is_over:
        message = gettext("This visit is over, and its code opens nothing any more.")
        return Heading(gettext("Thank you for your visit"), Badge("", "clock", message))
    if now.visit.state is VisitState.PENDING:
        message = gettext("Your visit is being confirmed. Your code appears here once it is.")
        return Heading(
            gettext("Your visit is being prepared"), Badge("waiting", "waiting", message)
        )
    where = {
        Stage.ARRIVED: gettext("Welcome"),
        Stage.AT_GATE: gettext("You are inside"),
        Stage.IN_ROOM: gettext("You are inside"),
    }
    return Heading(where.get(now.stage, gettext("You are expected")), None)
