"""Who did what and when: one line for each recorded event, only ever added to."""

import dataclasses
from datetime import date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import JSON, Index
from sqlmodel import Field, Session

from server.kernel.database import ID_COLUMN, Record
from server.kernel.events import Event
from server.kernel.ids import AuditId, Ids, PersonId
from server.kernel.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Iterable


class AuditLine(Record, table=True):
    """One line of the audit trail. Nothing changes or removes it."""

    __tablename__ = "kernel_audit"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "about", "id"),)

    id: AuditId = Field(primary_key=True, sa_type=ID_COLUMN)
    at: datetime
    who_kind: str = Field(max_length=16)
    who: str = Field(max_length=64)
    person: PersonId | None = Field(default=None, sa_type=ID_COLUMN, index=True)
    what: str = Field(max_length=64)
    about: str = Field(max_length=64)
    detail: dict[str, Any] = Field(sa_type=JSON)


def write(session: Session, ids: Ids, who: Principal, at: datetime, happened: Event) -> None:
    """Add the line of an event to the trail."""
    detail = {
        each.name: _plain(getattr(happened, each.name)) for each in dataclasses.fields(happened)
    }
    about = str(next(iter(detail.values()), ""))
    session.add(
        AuditLine(
            id=AuditId(ids.new()),
            at=at,
            who_kind=who.kind,
            who=who.id[:64],
            person=who.person,
            what=type(happened).__name__,
            about=about[:64],
            detail=detail,
        )
    )


def _plain(value: object) -> Any:  # noqa: ANN401  JSON is any of its types
    match value:
        case Enum():
            plain = value.value
        case datetime() | date():
            plain = value.isoformat()
        case timedelta():
            plain = value.total_seconds()
        case bytes():
            plain = value.hex()
        case tuple() | list() | set() | frozenset():
            plain = [_plain(each) for each in cast("Iterable[object]", value)]
        case None | bool() | int() | float() | str():
            plain = value
        case _:
            plain = str(value)
    return plain
