"""What happens to visits, for others to react to. `actions` offers these events to them."""

from dataclasses import dataclass
from typing import ClassVar

from access_protocol.ids import CredentialId, SiteCode
from server.kernel.events import Event
from server.kernel.ids import (
    CompanionId,
    PersonId,
    SeriesGuestId,
    SeriesId,
    TermsId,
    VisitId,
    VisitorId,
    WishId,
)
from server.visits.leaving_models import CheckOutKind


@dataclass(frozen=True, kw_only=True)
class VisitRequested(Event):
    """A visit was made and waits for approval."""

    visit: VisitId
    site: SiteCode
    host: PersonId


@dataclass(frozen=True, kw_only=True)
class VisitConfirmed(Event):
    """A visit stands; a `VisitorInvited` follows for each of its visitors."""

    visit: VisitId
    site: SiteCode
    host: PersonId


@dataclass(frozen=True, kw_only=True)
class VisitChanged(Event):
    """A confirmed visit was changed; `visitors` are those who were invited before and still are.

    `access_changed`: the time or the zones are others, so what opens doors must be too.
    """

    visit: VisitId
    visitors: tuple[VisitorId, ...]
    access_changed: bool


@dataclass(frozen=True, kw_only=True)
class VisitHeld(Event):
    """A confirmed visit was changed where the site approves visits: it waits for approval again."""

    visit: VisitId
    visitors: tuple[VisitorId, ...]


@dataclass(frozen=True, kw_only=True)
class VisitCancelled(Event):
    """A visit will not take place; a `VisitorUninvited` follows for each of its visitors."""

    visit: VisitId


@dataclass(frozen=True, kw_only=True)
class VisitDeclined(Event):
    """A visit was not approved; a `VisitorUninvited` follows for those who knew of it."""

    visit: VisitId
    host: PersonId


@dataclass(frozen=True, kw_only=True)
class MailWanted(Event):
    """A visitor's mail shall go out again."""

    visitor: VisitorId
    visit: VisitId


@dataclass(frozen=True, kw_only=True)
class VisitorInvited(Event):
    """Somebody may come: the visit is confirmed, or they were added to one that is."""

    visitor: VisitorId
    visit: VisitId
    credential: CredentialId


@dataclass(frozen=True, kw_only=True)
class VisitorUninvited(Event):
    """Somebody who had been invited shall not come any more."""

    visitor: VisitorId
    visit: VisitId
    credential: CredentialId


@dataclass(frozen=True, kw_only=True)
class VisitorLinkReplaced(Event):
    """A visitor's link was replaced by a new one: neither the old one nor its credential counts any more."""

    visitor: VisitorId
    visit: VisitId
    follows: bool = False
    """Whether it is another date of a series, replaced with the one that somebody asked for."""


@dataclass(frozen=True, kw_only=True)
class VisitorDeclined(Event):
    """A visitor said that they will not come."""

    visitor: VisitorId
    visit: VisitId


@dataclass(frozen=True, kw_only=True)
class VisitorAskedAgain(Event):
    """A visitor who had declined is expected after all; a `VisitorInvited` follows."""

    visitor: VisitorId
    visit: VisitId


@dataclass(frozen=True, kw_only=True)
class ChangeWished(Event):
    """A visitor asks for another time, or for something else."""

    visitor: VisitorId
    visit: VisitId
    wish: WishId


@dataclass(frozen=True, kw_only=True)
class WishAnswered(Event):
    """The host answered what a visitor asked for."""

    visitor: VisitorId
    visit: VisitId
    wish: WishId
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class CompanionNamed(Event):
    """A visitor wants to bring somebody; `waits`: the host is asked first."""

    visitor: VisitorId
    visit: VisitId
    companion: CompanionId
    waits: bool


@dataclass(frozen=True, kw_only=True)
class CompanionAnswered(Event):
    """The host decided whether somebody may be brought."""

    visitor: VisitorId
    visit: VisitId
    companion: CompanionId
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class NeedsNoted(Event):
    """A visitor said what they need to get about."""

    visitor: VisitorId
    visit: VisitId


@dataclass(frozen=True, kw_only=True)
class TermsWritten(Event):
    """A document has a new version, to which visitors agree from now on; or it is not asked for any more."""

    terms: TermsId
    site: SiteCode
    version: int
    in_force: bool


@dataclass(frozen=True, kw_only=True)
class TermsAgreed(Event):
    """A visitor agreed to a version of a document."""

    visitor: VisitorId
    visit: VisitId
    terms: TermsId
    text_hash: str


@dataclass(frozen=True, kw_only=True)
class WelcomeChanged(Event):
    """What a site tells its visitors, or lets them do, was changed."""

    site: SiteCode


@dataclass(frozen=True, kw_only=True)
class SeriesMade(Event):
    """A visit was made that repeats; each of its dates is a visit of its own."""

    series: SeriesId
    site: SiteCode
    dates: int


@dataclass(frozen=True, kw_only=True)
class SeriesGuestToTell(Event):
    """All that happens to a guest's series in this work has happened: they can be told in one mail."""

    audited: ClassVar[bool] = False
    guest: SeriesGuestId


@dataclass(frozen=True, kw_only=True)
class SeriesPassToSend(Event):
    """The pass of one date of a series shall go out: its turn came, or it is a new one."""

    audited: ClassVar[bool] = False
    visitor: VisitorId


@dataclass(frozen=True, kw_only=True)
class VisitorCheckedOut(Event):
    """A visitor left; `for_good`: their pass ends with it, otherwise they may come in again until the visit's end."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode
    how: CheckOutKind
    for_good: bool


@dataclass(frozen=True, kw_only=True)
class VisitorReturned(Event):
    """A visitor who had left came in again."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode


@dataclass(frozen=True, kw_only=True)
class VisitorForgotten(Event):
    """Whatever tells who a visitor was is to be deleted, by each subject that keeps some of it."""

    visitor: VisitorId
    visit: VisitId
    site: SiteCode


@dataclass(frozen=True, kw_only=True)
class LeavingChanged(Event):
    """A site decided anew what happens when visitors leave."""

    site: SiteCode
