"""The timeline's part of the doors: decisions, refusals with their reasons, and who passed, by the ledger's times."""

from collections.abc import Iterator, Sequence

from sqlmodel import col, select

from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from access_protocol.knowledge import Direction
from access_protocol.wording import Language, sentence
from server.access import models
from server.access.models import AccessEvent, DoorCommand
from server.kernel.ids import VisitorId
from server.kernel.pagination import MOST
from server.pages import states
from server.pages.states import Badge
from server.pages.timeline.entry import Entry, Kind, Told
from server.web.languages import current, gettext


def decisions(told: Told) -> Iterator[Entry]:
    """Tell what was granted and refused, where, and what the controller said."""
    for guest in told.guests:
        query = models.EventQuery(credential=guest.credential, limit=MOST, cursor=None)
        found = models.decisions(told.work.session, query).items
        outcomes = models.outcomes_of(told.work.session, [each.event for each in found])
        lets = _let_through(told, found)
        for event in found:
            reported = outcomes.get((event.gate, event.event), [])
            yield _decision(told, event, guest.id, reported, lets.get(event.event or ""))


def passages(told: Told) -> Iterator[Entry]:
    """Tell who passed, at the second at which the door reported it."""
    bearers = {CredentialId(each.credential): each.id for each in told.guests}
    went_in = Badge("good", "passed", gettext("Went in"))
    went_out = Badge("", "sign-out", gettext("Went out"))
    for passage in models.passages_of(told.work.session, bearers):
        yield Entry(
            Kind.PASSAGE,
            passage.event,
            passage.at,
            went_in if passage.direction is Direction.IN else went_out,
            bearers[CredentialId(passage.credential)],
            told.names.access_point(passage.site, passage.access_point),
        )


def _decision(
    told: Told,
    event: AccessEvent,
    visitor: VisitorId,
    reported: list[Outcome],
    let_by: DoorCommand | None,
) -> Entry:
    # That somebody passed is an entry of its own.
    said = states.outcome([each for each in reported if each is not Outcome.PASSED])
    why = "" if event.reason is None else sentence(event.reason, Language(current()))
    where = told.names.access_point(event.site, event.access_point)
    guard = told.staff(told.names.person(let_by.person)) if let_by else ""
    noted = told.staff(let_by.reason) if let_by and let_by.person else ""
    return Entry(
        Kind.DOOR,
        event.id,
        event.at,
        states.granted() if event.granted else states.refused(),
        visitor,
        " · ".join(part for part in (where, said, why, noted) if part),
        guard,
    )


def _let_through(told: Told, found: Sequence[AccessEvent]) -> dict[str, DoorCommand]:
    """Return the commands that stand behind decisions of the server itself: a guard's, or a poster's."""
    events = [each.event for each in found if each.event is not None]
    statement = select(DoorCommand).where(col(DoorCommand.event).in_(events))
    return {each.event: each for each in told.work.session.exec(statement).all()}
