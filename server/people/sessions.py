"""The end of browsers' sessions before their time: what is open in those browsers hears of it at once."""

from server.kernel import live
from server.kernel.ids import PersonId
from server.kernel.work import Work
from server.people import models


def end_all(work: Work, person: PersonId) -> None:
    """End every session of a person."""
    models.end_sessions(work.session, person)
    tell_ended(work, person)


def tell_ended(work: Work, person: PersonId) -> None:
    """Let the person's open event streams look whether they may still go on."""
    live.notice(work, live.SESSIONS, about=person)
