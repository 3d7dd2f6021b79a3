"""What happens to visits, for others to react to. `actions` offers these events to them."""

from dataclasses import dataclass

from access_protocol.ids import CredentialId, SiteCode
from server.kernel.events import Event
from server.kernel.ids import PersonId, VisitId, VisitorId


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
