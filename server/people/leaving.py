"""Somebody leaves: who may take over from them, and whom they stood in for."""

from sqlmodel import col, select

from server.kernel.errors import Invalid
from server.kernel.ids import PersonId
from server.kernel.principal import Right
from server.kernel.work import Work
from server.people import models, rules
from server.people.events import DeputyChanged
from server.people.models import Person


def check_successor(work: Work, person_id: PersonId, successor: PersonId) -> None:
    """Raise `Invalid` unless this is somebody else, here, who may receive visitors."""
    found = work.session.get(Person, successor)
    if successor == person_id:
        raise Invalid([("successor", "must be somebody else")])
    if found is None or not found.active:
        raise Invalid([("successor", "must be somebody with an active account")])
    if not may_succeed(work, successor):
        raise Invalid([("successor", "must be somebody who may receive visitors")])


def may_succeed(work: Work, person: PersonId) -> bool:
    """Tell whether somebody may receive visitors, and so those of another."""
    return Right.VISITS_INVITE in rules.rights_of(models.roles_of(work.session, person))


def leave_deputies(work: Work, person_id: PersonId, successor: PersonId | None) -> None:
    """Let nobody be told in place of others who is no longer there."""
    work.session.get_one(Person, person_id).deputy = None
    stood_in = select(Person).where(Person.deputy == person_id).order_by(col(Person.id))
    for each in work.session.exec(stood_in).all():
        each.deputy = successor if successor != each.id else None
        work.record(DeputyChanged(person=each.id, deputy=each.deputy))
