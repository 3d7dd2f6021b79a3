"""The timeline's part of arriving: on the way, near, at the entrance, let in, and what the host answered."""

from collections.abc import Iterator

from server.arrivals import models
from server.arrivals.actions import AnswerKind, CrossingKind
from server.pages.states import Badge
from server.pages.timeline.entry import Entry, Kind, Told
from server.web.languages import gettext


def crossings(told: Told) -> Iterator[Entry]:
    """Tell how the visitors came nearer."""
    words = {
        CrossingKind.ON_MY_WAY: Badge("", "onward", gettext("On the way")),
        CrossingKind.APPROACHING: Badge("", "place", gettext("Coming nearer")),
        CrossingKind.NEAR: Badge("waiting", "place", gettext("Nearby")),
        CrossingKind.HERE: Badge("waiting", "door-open", gettext("At the entrance")),
        CrossingKind.LEFT: Badge("", "sign-out", gettext("Went away")),
    }
    for found in models.crossings_by_visitor(told.work.session, told.visitors).values():
        for each in found:
            yield Entry(Kind.COMING, each.id, each.at, words[each.kind], each.visitor)


def check_ins(told: Told) -> Iterator[Entry]:
    """Tell who was let in at a posted QR."""
    badge = Badge("good", "granted", gettext("Checked in"))
    for visitor, found in models.check_ins(told.work.session, told.visitors).items():
        where = told.names.access_point(found.site, found.access_point)
        yield Entry(Kind.CHECK_IN, f"{visitor}-in", found.at, badge, visitor, where)


def answers(told: Told) -> Iterator[Entry]:
    """Tell what the host let them know."""
    ready = {
        AnswerKind.COMING_DOWN: gettext("Coming down"),
        AnswerKind.FIVE_MINUTES: gettext("Five minutes"),
        AnswerKind.PLEASE_WAIT: gettext("Please wait in the hall"),
    }
    badge = Badge("", "message", gettext("Answer"))
    for each in models.answers_in(told.work.session, told.visit.id):
        if each.visitor is None or each.visitor in told.called:
            yield Entry(
                Kind.ANSWER,
                each.id,
                each.at,
                badge,
                each.visitor,
                each.text or ready.get(each.kind, ""),
                told.names.person(each.person),
            )
