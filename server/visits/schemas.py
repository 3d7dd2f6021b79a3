"""How visits, their visitors and what those say look as JSON."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Base64Bytes, BaseModel, Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.ids import (
    CompanionId,
    PersonId,
    RoomId,
    SeriesId,
    VisitId,
    VisitorId,
    WishId,
)
from server.kernel.pagination import PageQuery
from server.kernel.work import Work
from server.visits import actions, models
from server.visits.guest_lists import LONGEST_LIST
from server.visits.models import Terms, Visit, Visitor
from server.visits.recurrence import Repeat
from server.visits.rules import (
    MOST_VISITORS,
    Answer,
    Input,
    MailState,
    NewVisitor,
    Reason,
    SiteText,
    TermsKind,
    VisitFilter,
    VisitState,
)
from server.visits.series import Scope

_ID = Field(pattern="^[0-9a-f]{32}$")


class VisitPath(BaseModel):
    """Which visit."""

    visit: VisitId = _ID


class VisitorPath(VisitPath):
    """Which visitor of which visit."""

    visitor: VisitorId = _ID


class VisitQuery(VisitFilter, PageQuery):
    """Which visits a list shows."""


class WhyNot(Input):
    """Why a visit is cancelled or declined."""

    reason: Reason = ""


class NewVisitors(Input):
    """More people to invite."""

    visitors: list[NewVisitor] = Field(min_length=1, max_length=MOST_VISITORS)


class WhichDates(BaseModel):
    """Which dates of a series are meant."""

    scope: Scope = Field(
        default=Scope.THIS,
        description="`this` one, this one and all `later` ones, or `all` that are not over.",
    )


class SeriesPath(BaseModel):
    """Which series."""

    series: SeriesId = _ID


class GuestListIn(Input):
    """A list of guests: as text, or as a file in base64 (UTF-8, Shift_JIS or GB18030)."""

    text: str = Field(default="", max_length=LONGEST_LIST)
    file: Base64Bytes = Field(default=b"", max_length=LONGEST_LIST)


class ListProblem(BaseModel):
    """What is wrong with one line."""

    field: str
    why: str


class ListedGuest(BaseModel):
    """One person of a list, as read."""

    line: int
    name: str
    email: str
    company: str
    problems: list[ListProblem]


class GuestListOut(BaseModel):
    """Everybody on a list."""

    items: list[ListedGuest]


class WishPath(VisitPath):
    """Something that a visitor of a visit asked for."""

    wish: WishId = _ID


class CompanionPath(VisitPath):
    """Somebody whom a visitor of a visit wants to bring."""

    companion: CompanionId = _ID


class SitePath(BaseModel):
    """A site's code."""

    site: SiteText


class TermsPath(SitePath):
    """A document of a site."""

    kind: TermsKind


class Verdict(Input):
    """The host's answer."""

    accept: bool


class AgreementOut(BaseModel):
    """A document to which a visitor agreed."""

    kind: TermsKind
    version: int
    language: Language
    text_hash: str = Field(description="SHA-256 of the text that was read, in UTF-8.")
    agreed_at: datetime


class VisitorOut(BaseModel):
    """Somebody invited."""

    id: VisitorId
    name: str
    email: str
    company: str
    language: Language
    credential: str = Field(description="The credential's id in hex, as it stands in the ledger.")
    mail: MailState = Field(description="What became of the latest mail to them.")
    declined_at: datetime | None = Field(description="When they said that they will not come.")
    step_free: bool = Field(description="Whether they need a way without steps.")

    @classmethod
    def of(cls, visitor: Visitor) -> "VisitorOut":
        """Show a visitor, without their link: it is theirs alone."""
        return cls(
            id=visitor.id,
            name=visitor.name,
            email=visitor.email,
            company=visitor.company,
            language=visitor.language,
            credential=visitor.credential.hex(),
            mail=visitor.mail,
            declined_at=visitor.declined_at,
            step_free=visitor.step_free,
        )


class VisitorReplies(BaseModel):
    """What one visitor said, and on which phone their link is."""

    visitor: VisitorId
    needs: str = Field(description="What they need to get about, in their own words.")
    step_free: bool
    opened_at: datetime | None = Field(description="When the present phone began to keep the link.")
    phone_moves: int = Field(description="How often another phone took the link over.")
    agreements: list[AgreementOut]


class WishOut(BaseModel):
    """Something that a visitor asked for."""

    id: WishId
    visitor: VisitorId
    message: str
    starts_at: datetime | None
    ends_at: datetime | None
    state: Answer
    made_at: datetime


class CompanionOut(BaseModel):
    """Somebody whom a visitor wants to bring."""

    id: CompanionId
    brought_by: VisitorId
    name: str
    email: str
    company: str
    state: Answer
    visitor: VisitorId | None = Field(description="Who they are, once accepted.")
    asked_at: datetime


class RepliesOut(BaseModel):
    """All that the visitors of a visit said."""

    visitors: list[VisitorReplies]
    wishes: list[WishOut]
    companions: list[CompanionOut]


class TermsOut(BaseModel):
    """The newest version of a document."""

    kind: TermsKind
    version: int
    in_force: bool
    texts: dict[Language, str]
    written_at: datetime


class TermsList(BaseModel):
    """The documents of a site."""

    items: list[TermsOut]


class VisitOut(BaseModel):
    """A visit with everyone invited to it."""

    id: VisitId
    site: SiteCode
    room: RoomId | None
    zones: list[int]
    host: PersonId
    created_by: PersonId | None
    title: str
    note: str
    bring: str = Field(description="What its visitors shall bring.")
    language: Language
    starts_at: datetime
    ends_at: datetime
    state: VisitState
    decided_by: PersonId | None = Field(description="Who approved or declined it.")
    decided_at: datetime | None
    reason: str = Field(description="Why it was cancelled or declined.")
    sequence: int = Field(description="How often its calendar entry was changed.")
    series: SeriesId | None = Field(description="The series of which it is one date.")
    slot: str | None = Field(
        description="Which date of the series it is: when it stood at first, in the site's own time."
    )
    created_at: datetime
    changed_at: datetime
    visitors: list[VisitorOut]
    version: str = Field(
        description="Send it with a change, to be told where somebody else was faster."
    )

    @classmethod
    def of(cls, visit: Visit, visitors: Iterable[Visitor]) -> "VisitOut":
        """Show a visit."""
        guests = list(visitors)
        return cls.model_validate(
            {
                **visit.model_dump(),
                "visitors": [VisitorOut.of(each) for each in guests],
                "version": actions.version_of(visit, guests),
            }
        )


class SeriesOut(BaseModel):
    """A series with its dates, each a visit of its own."""

    id: SeriesId
    time_zone: str
    repeat: Repeat
    visits: list[VisitOut]


class VisitPage(BaseModel):
    """A page of visits."""

    items: list[VisitOut]
    next_cursor: str | None


def terms_out(terms: Terms) -> TermsOut:
    """Show a document."""
    return TermsOut.model_validate(terms.model_dump())


def replies_out(work: Work, visitor: Visitor) -> VisitorReplies:
    """Show what one visitor said."""
    phone = models.phone_of(work.session, visitor.id)
    return VisitorReplies(
        visitor=visitor.id,
        needs=actions.needs_of(work, visitor),
        step_free=visitor.step_free,
        opened_at=phone.bound_at if phone else None,
        phone_moves=phone.moves if phone else 0,
        agreements=[
            AgreementOut(
                kind=terms.kind,
                version=terms.version,
                language=each.language,
                text_hash=each.text_hash,
                agreed_at=each.agreed_at,
            )
            for each, terms in models.agreements_of(work.session, visitor.id)
        ],
    )
