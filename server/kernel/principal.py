"""Who is asking, and the one check of what they may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from access_protocol.ids import DeviceId, SiteCode
from server.kernel.errors import Forbidden, SignInNeeded
from server.kernel.ids import PersonId, TokenId, VisitorId


class Right(StrEnum):
    """Everything that can be allowed; roles and API tokens are sets of these."""

    VISITS_INVITE = "visits:invite"
    """Create, change and cancel one's own visits."""
    VISITS_READ = "visits:read"
    """See every visit of the site."""
    VISITS_MANAGE = "visits:manage"
    """Change and cancel the visits of others."""
    VISITS_APPROVE = "visits:approve"
    """Approve or decline visits where the site asks for it."""
    CREDENTIALS_MANAGE = "credentials:manage"
    """Issue again, revoke and unblock credentials."""
    ACCESS_READ = "access:read"
    """See the access ledger, who is inside and the state of every door."""
    DOORS_COMMAND = "doors:command"
    """Open a door from the panel."""
    DOORS_LOCKDOWN = "doors:lockdown"
    """Lock doors down and release them."""
    MEETINGS_READ = "meetings:read"
    """See meetings and attendance."""
    REFRESHMENTS_MANAGE = "refreshments:manage"
    """Set up vending machines, refill them and see what was taken."""
    CONVERSATIONS_ANSWER = "conversations:answer"
    """Read and answer every conversation with visitors, and keep the answers of the bot."""
    PEOPLE_READ = "people:read"
    """See accounts."""
    PEOPLE_MANAGE = "people:manage"
    """Create, change and deactivate accounts."""
    PLACES_READ = "places:read"
    """See sites, zones, portals and rooms."""
    PLACES_MANAGE = "places:manage"
    """Change sites, zones, portals and rooms."""
    DEVICES_READ = "devices:read"
    """See gates and controllers and their health."""
    DEVICES_MANAGE = "devices:manage"
    """Enrol and remove gates and controllers."""
    KEYS_MANAGE = "keys:manage"
    """Rotate the keys that sign credentials and commands."""
    MAIL_READ = "mail:read"
    """Read the mail that the local mail catcher holds."""
    AUDIT_READ = "audit:read"
    """Read who did what and when."""
    REPORT = "report"
    """Report as a gate or controller; never given to people."""


class Kind(StrEnum):
    """What sort of caller a principal is."""

    ANONYMOUS = "anonymous"
    PERSON = "person"
    TOKEN = "token"  # noqa: S105  a kind of caller, not a secret
    VISITOR = "visitor"
    DEVICE = "device"
    SYSTEM = "system"


@dataclass(frozen=True)
class Principal:
    """The caller of one piece of work: who, with which rights, at which site (None: every site)."""

    kind: Kind
    id: str
    rights: frozenset[Right] = frozenset()
    site: SiteCode | None = None
    person: PersonId | None = None
    """The person who acts, also where they act through a token; None for visitors, devices and the system."""

    @classmethod
    def anonymous(cls) -> "Principal":
        """Return the caller nobody knows."""
        return cls(Kind.ANONYMOUS, "")

    @classmethod
    def for_person(cls, person: PersonId, rights: Iterable[Right]) -> "Principal":
        """Return a signed-in person."""
        return cls(Kind.PERSON, person, frozenset(rights), person=person)

    @classmethod
    def for_token(cls, token: TokenId, owner: PersonId, rights: Iterable[Right]) -> "Principal":
        """Return an API token acting for its owner."""
        return cls(Kind.TOKEN, token, frozenset(rights), person=owner)

    @classmethod
    def for_visitor(cls, visitor: VisitorId) -> "Principal":
        """Return a visitor who came with the link of their own invitation."""
        return cls(Kind.VISITOR, visitor)

    @classmethod
    def for_device(cls, device: DeviceId, site: SiteCode) -> "Principal":
        """Return a gate or controller that the broker let in under its own name."""
        return cls(Kind.DEVICE, device, frozenset({Right.REPORT}), site)

    @classmethod
    def system(cls, name: str = "server") -> "Principal":
        """Return the server itself: timers, reactions and the command line."""
        return cls(Kind.SYSTEM, name, frozenset(Right))

    def may(self, right: Right, site: SiteCode | None = None) -> bool:
        """Tell whether the right is held, at `site` where one is given."""
        return right in self.rights and (self.site is None or site is None or self.site == site)


def require(principal: Principal, right: Right, site: SiteCode | None = None) -> None:
    """Raise `SignInNeeded` or `Forbidden` unless the principal holds the right at the site."""
    if principal.may(right, site):
        return
    if principal.kind is Kind.ANONYMOUS:
        raise SignInNeeded("Sign in, or send an API token, to do this.")
    where = f" at site {site}" if site else ""
    raise Forbidden(f"This needs the right {right}{where}. An administrator can give it to you.")
