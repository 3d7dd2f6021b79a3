"""What sites ask their visitors afterwards, and what those answered."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlmodel import Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import GroupId, PersonId, SurveyAnswerId, VisitId, VisitorId


class Survey(Record, table=True):
    """What a site asks; one that decided nothing asks for the score and a comment, and has no row."""

    __tablename__ = "conversations_survey"  # pyright: ignore[reportAssignmentType]

    site: SiteCode = Field(primary_key=True, sa_type=text(3), foreign_key="places_site.code")
    asked: bool = True
    questions: list[dict[str, str]] = Field(default_factory=list[dict[str, str]], sa_type=JSON)
    """Up to three further questions, each with an `id` and its words by language; answered from 1 to 5."""
    group: GroupId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_group.id", ondelete="SET NULL"
    )
    """Who reads what is said, and answers it."""
    low_score: int = 2
    """From this score downwards the group is told at once."""


class SurveyAnswer(Record, table=True):
    """What one visitor answered. Once they are forgotten the score is left, and nothing says whose it was."""

    __tablename__ = "conversations_survey_answer"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (Index(None, "site", "answered_at"),)

    id: SurveyAnswerId = Field(primary_key=True, sa_type=ID_COLUMN)
    site: SiteCode = Field(sa_type=text(3), foreign_key="places_site.code")
    visitor: VisitorId | None = Field(
        default=None,
        sa_type=ID_COLUMN,
        foreign_key="visits_visitor.id",
        ondelete="SET NULL",
        unique=True,
    )
    visit: VisitId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="visits_visit.id", index=True
    )
    score: int
    """From 1, very bad, to 5, very good."""
    answers: dict[str, Any] = Field(default_factory=dict[str, Any], sa_type=JSON)
    """The scores of the site's own questions by their ids."""
    comment: str = Field(default="", max_length=2000)
    language: Language = Field(sa_type=stored_as_text(Language))
    answered_at: datetime
    changed_at: datetime
    untold: bool = False
    """Whether there is something new that the group was not told of yet."""
    told_at: datetime | None = None
    reply: str = Field(default="", max_length=2000)
    replied_at: datetime | None = None
    replied_by: PersonId | None = Field(
        default=None, sa_type=ID_COLUMN, foreign_key="people_person.id"
    )
