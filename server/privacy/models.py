"""How long each site keeps what, and what each run of the retention deleted."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, Session, col, select

from access_protocol.ids import SiteCode
from server.kernel.database import ID_COLUMN, Record, text
from server.kernel.ids import RetentionRunId


class RetentionPolicy(Record, table=True):
    """How many days after the end a site keeps each kind of data; one that decided nothing has the usual days."""

    __tablename__ = "privacy_retention_policy"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    days: dict[str, int] = Field(default_factory=dict[str, int], sa_type=JSON)
    """By `rules.Kept`."""
    changed_at: datetime


class RetentionRun(Record, table=True):
    """One run of the retention: when, and how much went of each kind. Numbers only."""

    __tablename__ = "privacy_retention_run"  # pyright: ignore[reportAssignmentType]

    id: RetentionRunId = Field(primary_key=True, sa_type=ID_COLUMN)
    began_at: datetime
    ended_at: datetime
    by: str = Field(max_length=64)
    """`timer`, `command` or the id of the person who pressed the button."""
    counts: dict[str, Any] = Field(sa_type=JSON)


def policy_of(session: Session, site: SiteCode) -> RetentionPolicy | None:
    """Return what a site decided, if it decided anything."""
    return session.get(RetentionPolicy, site)


def latest_runs(session: Session, most: int = 10) -> list[RetentionRun]:
    """Return the latest runs, the newest first."""
    statement = select(RetentionRun).order_by(col(RetentionRun.id).desc()).limit(most)
    return list(session.exec(statement).all())
