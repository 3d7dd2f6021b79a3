"""What a visit may be: the bounds of every field, and what follows from its state. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from access_protocol.credential import MOST_ZONES
from access_protocol.ids import HIGHEST_ZONE, SiteCode
from access_protocol.wording import Language
from server.kernel.clock import Moment
from server.kernel.ids import ID_LENGTH, PersonId, RoomId, VisitorId
from server.kernel.text import EmailAddress, Line, Lines

MOST_VISITORS = 100
LONGEST_VISIT = timedelta(days=14)
FURTHEST_AHEAD = timedelta(days=366)
GRACE = timedelta(minutes=15)
"""A visit may begin this long ago when it is made: the guest already stands at the door."""


class VisitState(StrEnum):
    """Where a visit stands."""

    PENDING = "pending"
    """Waits for approval; nobody was invited yet."""
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class MailState(StrEnum):
    """What became of the latest mail to a visitor."""

    NONE = "none"
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class TermsKind(StrEnum):
    """A document that visitors agree to."""

    HOUSE_RULES = "house_rules"
    NDA = "nda"
    """The confidentiality agreement."""


class Answer(StrEnum):
    """What became of something that a visitor asked their host."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"
    """The visitor asked something else before the host answered."""


OPEN = frozenset({VisitState.PENDING, VisitState.CONFIRMED})
"""States in which a visit may still be changed or cancelled."""


def _all_different(zones: list[int]) -> list[int]:
    if len(set(zones)) != len(zones):
        raise ValueError("must name each zone once")
    return zones


_ID = rf"^[0-9a-f]{{{ID_LENGTH}}}$"
PersonIdText = Annotated[PersonId, Field(pattern=_ID, description="The id of an account.")]
RoomIdText = Annotated[RoomId, Field(pattern=_ID, description="The id of a room.")]
VisitorIdText = Annotated[VisitorId, Field(pattern=_ID, description="The id of a visitor.")]
SiteText = Annotated[SiteCode, Field(pattern="^[A-Z]{1,3}$", description="A site's code.")]
Zones = Annotated[
    list[Annotated[int, Field(ge=1, le=HIGHEST_ZONE)]],
    Field(min_length=1, max_length=MOST_ZONES, description="Numbers of the zones to be entered."),
    AfterValidator(_all_different),
]
Title = Annotated[Line, Field(min_length=1, max_length=200, examples=["Kick-off"])]
Note = Annotated[Lines, Field(max_length=2000, description="A few words for the visitors.")]
Bring = Annotated[Lines, Field(max_length=1000, description="What the visitors shall bring.")]
Reason = Annotated[Lines, Field(max_length=500, description="Why, for those concerned.")]
VisitorName = Annotated[Line, Field(min_length=1, max_length=100, examples=["山田 太郎"])]
Company = Annotated[Line, Field(max_length=100)]


class Input(BaseModel):
    """Something typed: unknown fields are refused, for they are mistyped ones."""

    model_config = ConfigDict(extra="forbid")


class NewVisitor(Input):
    """Somebody to invite."""

    name: VisitorName
    email: EmailAddress
    company: Company = ""
    language: Language | None = Field(
        default=None, description="Left out: the language of the visit."
    )


class WalkInGuest(NewVisitor):
    """Somebody who typed it themselves at a poster and whose page opens without a mail."""


class VisitorChange(Input):
    """What to change about somebody invited; what is left out stays."""

    name: VisitorName | None = None
    email: EmailAddress | None = None
    company: Company | None = None
    language: Language | None = None


class InvitedVisitor(NewVisitor):
    """One line of a visit's guest list: with an id somebody invited before, without one somebody new."""

    id: VisitorIdText | None = None


class NewVisit(Input):
    """A visit to be made."""

    title: Title
    starts_at: Moment
    ends_at: Moment
    site: SiteText | None = Field(
        default=None, description="May be left out where there is one site."
    )
    room: RoomIdText | None = None
    zones: Zones | None = Field(
        default=None, description="Left out: the zones on the way to the room."
    )
    host: PersonIdText | None = Field(default=None, description="Left out: yourself.")
    language: Language | None = Field(default=None, description="Left out: the host's language.")
    note: Note = ""
    bring: Bring = ""
    visitors: list[NewVisitor] = Field(min_length=1, max_length=MOST_VISITORS)

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if twice := repeated_email([each.email for each in self.visitors]):
            raise ValueError(f"{twice} is invited twice")
        return self


class VisitChange(Input):
    """What to change about a visit; what is left out stays. `visitors`, where given, is the whole new list."""

    title: Title | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    room: RoomIdText | None = Field(default=None, description="null takes the room away.")
    zones: Zones | None = None
    host: PersonIdText | None = None
    language: Language | None = None
    note: Note | None = None
    bring: Bring | None = None
    visitors: list[InvitedVisitor] | None = Field(
        default=None, min_length=1, max_length=MOST_VISITORS
    )
    version: str | None = Field(
        default=None,
        max_length=32,
        description="The visit's `version` as you know it: refused (409) where it changed meanwhile.",
    )


Message = Annotated[Lines, Field(max_length=1000)]
Needs = Annotated[Lines, Field(max_length=1000)]
TermsText = Annotated[Lines, Field(min_length=1, max_length=20_000)]
WelcomeText = Annotated[Lines, Field(max_length=2000)]
MOST_COMPANIONS = 20


class NewTerms(Input):
    """A new version of a document: in every language of the screens, for each visitor reads their own."""

    ja: TermsText
    en: TermsText
    zh: TermsText


class WelcomeInput(Input):
    """What a site tells all of its visitors, and what they may do by themselves."""

    directions: dict[Language, WelcomeText] = Field(
        default_factory=dict[Language, str], description="How to get there, by language."
    )
    bring: dict[Language, WelcomeText] = Field(
        default_factory=dict[Language, str], description="What to bring, by language."
    )
    most_companions: int = Field(
        default=3,
        ge=0,
        le=MOST_COMPANIONS,
        description="How many people one visit's visitors may bring.",
    )
    companions_need_host: bool = Field(default=True, description="Whether the host is asked first.")


class NewWish(Input):
    """What a visitor asks of their host: another time, or something in words."""

    message: Message = ""
    starts_at: Moment | None = None
    ends_at: Moment | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if (self.starts_at is None) != (self.ends_at is None):
            raise ValueError("both times are needed, or neither")
        if not self.message and self.starts_at is None:
            raise ValueError("write a few words, or choose another time")
        return self


class NewCompanion(Input):
    """Somebody whom a visitor wants to bring."""

    name: VisitorName
    email: EmailAddress
    company: Company = ""


class NeedsInput(Input):
    """What a visitor needs to get about."""

    step_free: bool = False
    needs: Needs = ""


class VisitFilter(BaseModel):
    """Which visits a list shows."""

    site: SiteText | None = None
    state: VisitState | None = None
    host: PersonIdText | None = None
    room: RoomIdText | None = None
    ends_after: Moment | None = Field(
        default=None, description="Only visits that end after this moment."
    )
    starts_before: Moment | None = Field(
        default=None, description="Only visits that begin before it."
    )
    search: Annotated[Line, Field(max_length=100)] = Field(
        default="", description="Part of a title, or of a visitor's name, company or address."
    )
    latest_first: bool = False


def in_words(texts: Mapping[str, str], language: str) -> str:
    """Return a text in a language, or in the first other one of ours in which it was written."""
    for code in (language, *Language):
        if texts.get(code):
            return texts[code]
    return ""


def repeated_email(addresses: Sequence[str]) -> str | None:
    """Return an address that is on the list twice, or None."""
    seen: set[str] = set()
    for address in addresses:
        if address.lower() in seen:
            return address
        seen.add(address.lower())
    return None


def check_times(
    starts_at: datetime, ends_at: datetime, now: datetime, *, started: datetime | None = None
) -> list[tuple[str, str]]:
    """Return what is wrong with a visit's times as (field, why); `started` is its beginning until now.

    A beginning in the past may stay as it is, for example where a visit under way is made longer.
    """
    wrong: list[tuple[str, str]] = []
    if starts_at != started and starts_at < now - GRACE:
        wrong.append(("starts_at", "must not lie in the past"))
    if starts_at > now + FURTHEST_AHEAD:
        wrong.append(("starts_at", f"must lie within {FURTHEST_AHEAD.days} days from now"))
    if ends_at <= starts_at:
        wrong.append(("ends_at", "must be after the beginning"))
    elif ends_at <= now:
        wrong.append(("ends_at", "must not lie in the past"))
    elif ends_at - starts_at > LONGEST_VISIT:
        wrong.append(("ends_at", f"must be at most {LONGEST_VISIT.days} days after the beginning"))
    return wrong
