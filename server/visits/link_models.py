"""What becomes of a visitor's link: the links it replaced, the phone that keeps it, and the code that moves it."""

from datetime import datetime

from sqlmodel import Field

from server.kernel.database import ID_COLUMN, Record
from server.kernel.ids import VisitorId


class RetiredLink(Record, table=True):
    """A link that counted once and was replaced: whoever opens it is sent to the newer one."""

    __tablename__ = "visits_retired_link"  # pyright: ignore[reportAssignmentType]

    link_hash: str = Field(primary_key=True, max_length=64)
    visitor: VisitorId = Field(
        sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE", index=True
    )


class PhoneBinding(Record, table=True):
    """The phone that keeps a visitor's link: one at a time, known by a secret in its cookie."""

    __tablename__ = "visits_phone_binding"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE"
    )
    phone_hash: str = Field(max_length=64, index=True)
    """SHA-256 of the phone's secret; several visits may lie on one phone."""
    user_agent: str = Field(default="", max_length=200)
    bound_at: datetime
    """When this phone began to keep it."""
    moves: int = 0
    """How often another phone took over."""


class PhoneCode(Record, table=True):
    """The code that was mailed to a visitor who uses another phone now."""

    __tablename__ = "visits_phone_code"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE"
    )
    sealed_code: bytes
    """Empty once it was used."""
    made_at: datetime
    tries: int = 0
    span_began_at: datetime
    sent_in_span: int = 0
