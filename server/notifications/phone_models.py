"""The phones of visitors that asked to be told: where a push for each of them goes."""

from datetime import datetime

from sqlmodel import Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.database import ID_COLUMN, Record, stored_as_text, text
from server.kernel.ids import VisitorId


class PhonePush(Record, table=True):
    """The push subscription of the phone that keeps a visitor's link; it goes with the visit or the phone."""

    __tablename__ = "notifications_phone_push"  # pyright: ignore[reportAssignmentType]

    visitor: VisitorId = Field(
        primary_key=True, sa_type=ID_COLUMN, foreign_key="visits_visitor.id", ondelete="CASCADE"
    )
    site: SiteCode = Field(sa_type=text(3))
    sealed_address: bytes
    """The subscription as the browser gave it, as JSON: whoever knows it can push to the phone."""
    language: Language = Field(sa_type=stored_as_text(Language))
    asked_at: datetime
    sent_at: datetime | None = None
    forget_at: datetime = Field(index=True)
