"""Groups: people of a site who look after something together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, delete, select

from access_protocol.ids import SiteCode
from server.kernel.errors import Invalid, NotFound
from server.kernel.events import Event
from server.kernel.ids import GroupId, PersonId
from server.kernel.principal import Right, require
from server.kernel.text import EmailAddress, Line
from server.kernel.work import Work
from server.people import models
from server.people.models import Group, GroupMember, Person

MOST_MEMBERS = 200


class GroupInput(BaseModel):
    """A group as it shall be."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=100)]
    email: EmailAddress | None = Field(default=None, description="A mailbox that they share.")
    members: list[PersonId] = Field(default_factory=list[PersonId], max_length=MOST_MEMBERS)


@dataclass(frozen=True, kw_only=True)
class GroupChanged(Event):
    """A group was made, changed or (`gone`) removed."""

    group: GroupId
    site: SiteCode
    members: tuple[PersonId, ...]
    gone: bool = False


def list_groups(work: Work, site: SiteCode | None = None) -> Sequence[Group]:
    """Return the groups of a site, or all of them."""
    require(work.principal, Right.PEOPLE_READ, site)
    return models.groups(work.session, site)


def find_group(work: Work, group: GroupId) -> Group:
    """Return a group."""
    found = work.session.get(Group, group)
    if found is None:
        raise NotFound("There is no such group.")
    require(work.principal, Right.PEOPLE_READ, found.site)
    return found


def create_group(work: Work, site: SiteCode, wanted: GroupInput) -> Group:
    """Make a group."""
    require(work.principal, Right.PEOPLE_MANAGE, site)
    made = Group(id=GroupId(work.ids.new()), site=site, name=wanted.name, created_at=work.now)
    return _stored(work, made, wanted)


def change_group(work: Work, group: GroupId, wanted: GroupInput) -> Group:
    """Change a group's name, mailbox and people."""
    found = find_group(work, group)
    require(work.principal, Right.PEOPLE_MANAGE, found.site)
    return _stored(work, found, wanted)


def join_groups(work: Work, person: PersonId, chosen: Iterable[GroupId]) -> None:
    """Add a person to groups; who is in them stays."""
    for each in sorted(set(chosen)):
        if work.session.get(Group, each) is None:
            raise Invalid([("groups", "names a group that is not there")])
        found = find_group(work, each)
        members = [one.id for one in models.members_of(work.session, each)]
        wanted = {"name": found.name, "email": found.email or None, "members": [*members, person]}
        change_group(work, each, GroupInput.model_validate(wanted))


def remove_group(work: Work, group: GroupId) -> None:
    """Remove a group; what it looked after is nobody's until another one is chosen."""
    found = find_group(work, group)
    require(work.principal, Right.PEOPLE_MANAGE, found.site)
    work.session.delete(found)
    work.session.flush()
    work.record(GroupChanged(group=found.id, site=found.site, members=(), gone=True))


def _stored(work: Work, group: Group, wanted: GroupInput) -> Group:
    taken = select(Group.id).where(
        Group.site == group.site, Group.name == wanted.name, Group.id != group.id
    )
    if work.session.exec(taken).first() is not None:
        raise Invalid([("name", "is the name of another group")])
    known = select(Person.id).where(col(Person.id).in_(wanted.members), col(Person.active))
    people = {PersonId(each) for each in work.session.exec(known).all()}
    if set(wanted.members) - people:
        raise Invalid([("members", "names somebody who has no open account")])
    group.name, group.email = wanted.name, wanted.email or ""
    work.session.add(group)
    work.session.flush()
    work.session.exec(delete(GroupMember).where(col(GroupMember.group) == group.id))
    for person in sorted(people):
        work.session.add(GroupMember(group=group.id, person=person))
    work.session.flush()
    work.record(GroupChanged(group=group.id, site=group.site, members=tuple(sorted(people))))
    return group
