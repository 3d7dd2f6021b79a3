"""The timeline's part of what comes afterwards: checked out, how they liked it, and what they were answered."""

from collections.abc import Iterator

from server.conversations import actions as conversations
from server.pages import states
from server.pages.states import Badge
from server.pages.timeline.entry import Entry, Kind, Told
from server.visits import actions as visits
from server.visits.actions import CheckOutKind
from server.web.languages import gettext


def check_outs(told: Told) -> Iterator[Entry]:
    """Tell who has left, and how that is known."""
    hows = {
        CheckOutKind.EXIT_GATE: gettext("Seen by the door on the way out"),
        CheckOutKind.BY_ITSELF: gettext("Some time after the end; nobody saw them leave"),
        CheckOutKind.GUARD: gettext("Said at the panel"),
    }
    badge = Badge("", "sign-out", gettext("Checked out"))
    for visitor, left in visits.check_outs(told.work.session, told.visitors).items():
        by = told.staff(told.names.person(left.person))
        yield Entry(Kind.CHECK_OUT, f"{visitor}-out", left.at, badge, visitor, hows[left.how], by)


def surveys(told: Told) -> Iterator[Entry]:
    """Tell that a visitor answered the survey. What they said is theirs, and of the group that reads it."""
    answered = Badge("", "mark", gettext("Survey answered"))
    replied = Badge("", "message", gettext("Answer to the survey"))
    for guest in told.guests:
        found = conversations.answer_of(told.work, guest.id)
        if found is None:
            continue
        theirs = told.to_visitor or conversations.may_read(told.work, found.site)
        parts = (states.score(found.score), found.comment) if theirs else ()
        words = "\n".join(part for part in parts if part)
        yield Entry(Kind.SURVEY, found.id, found.answered_at, answered, guest.id, words)
        if found.replied_at is not None:
            key, reply = f"{found.id}-reply", found.reply if theirs else ""
            who = told.staff(told.names.person(found.replied_by))
            yield Entry(Kind.SURVEY, key, found.replied_at, replied, guest.id, reply, who)
