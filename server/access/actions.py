"""What others can ask about access: events, who is inside, doors, and the events that this subject records."""

from collections.abc import Sequence
from dataclasses import dataclass

from access_protocol.documents import DocumentKind
from access_protocol.ids import CredentialId, SiteCode
from access_protocol.topics import Kind
from server.access import credentials_feed, entrance_codes, knowledge, lockdowns, models
from server.access.amnesties import AmnestyGranted, NewAmnesty
from server.access.amnesties import grant as grant_amnesty
from server.access.conflicts import (
    Acknowledge,
    ConflictAcknowledged,
    ConflictFound,
    list_conflicts,
)
from server.access.conflicts import acknowledge as acknowledge_conflict
from server.access.doors import (
    Door,
    DoorCommandAsked,
    DoorCommandSettled,
    OpenPortal,
    door_reported,
    find_command,
    list_doors,
    open_portal,
)
from server.access.entrance_codes import EntranceKeyRotated, check_code
from server.access.entrance_codes import accepts as entrance_code_accepts
from server.access.entrance_codes import code_now as entrance_code_now
from server.access.entrance_codes import codes_ahead as entrance_codes_ahead
from server.access.entrance_codes import post as post_entrance
from server.access.entrance_codes import rotate as rotate_entrance_key
from server.access.entrances import (
    dispense_by_poster,
    open_by_poster,
    open_by_poster_for_staff,
)
from server.access.entrances import find as find_opening
from server.access.entrances import reported as reported_of_opening
from server.access.forgetting import about_credential, forget_visitor, is_inside, leave_unseen
from server.access.ledger import (
    AccessDecided,
    LedgerAlarmRaised,
    OutcomesReported,
    ReportedOutcome,
    door_witnessed,
)
from server.access.ledger import lock_own as lock_ledger
from server.access.lockdowns import (
    Lasting,
    LockdownBegan,
    LockdownReleased,
    NewLockdown,
    Reason,
    Told,
    lasting,
    lock_down,
    release,
    unanswered_releases,
)
from server.access.models import AccessEvent, EventQuery, LedgerAlarm, Presence
from server.access.presence import PassageReported
from server.access.presence import hold as hold_presence
from server.credentials import models as credentials
from server.credentials.actions import CredentialIssued, CredentialRevoked, IssuerKeyRotated
from server.credentials.models import Holder
from server.devices.actions import DeviceEnrolled, DeviceStatusChanged, refresh_key_lists
from server.kernel.pagination import Page
from server.kernel.principal import Right, require
from server.kernel.work import Work
from server.places.actions import PlaceChanged

__all__ = [
    "AccessDecided",
    "Acknowledge",
    "AmnestyGranted",
    "ConflictAcknowledged",
    "ConflictFound",
    "Door",
    "DoorCommandAsked",
    "DoorCommandSettled",
    "EntranceKeyRotated",
    "Inside",
    "Lasting",
    "LedgerAlarmRaised",
    "LockdownBegan",
    "LockdownReleased",
    "NewAmnesty",
    "NewLockdown",
    "OpenPortal",
    "OutcomesReported",
    "PassageReported",
    "Reason",
    "ReportedOutcome",
    "Told",
    "about_credential",
    "acknowledge_conflict",
    "amnesty_granted",
    "check_code",
    "credential_issued",
    "credential_revoked",
    "device_enrolled",
    "device_status_changed",
    "dispense_by_poster",
    "door_reported",
    "door_witnessed",
    "entrance_code_accepts",
    "entrance_code_now",
    "entrance_codes_ahead",
    "find_command",
    "find_opening",
    "forget_visitor",
    "grant_amnesty",
    "hold_presence",
    "is_inside",
    "issuer_key_rotated",
    "lasting",
    "leave_unseen",
    "list_alarms",
    "list_conflicts",
    "list_doors",
    "list_events",
    "list_inside",
    "lock_down",
    "lock_ledger",
    "open_by_poster",
    "open_by_poster_for_staff",
    "open_portal",
    "place_changed",
    "post_entrance",
    "release",
    "reported_of_opening",
    "rotate_entrance_key",
    "unanswered_releases",
]

_WHAT_GATES_NEED = frozenset({"site", "access_point", "portal", "zone"})


@dataclass(frozen=True)
class Inside:
    """Somebody inside: where, since when, and who it is, where that is still known."""

    presence: Presence
    holder: Holder | None


def list_events(work: Work, query: EventQuery) -> Page[AccessEvent]:
    """Return decisions, newest first, for whoever may read the ledger."""
    require(work.principal, Right.ACCESS_READ)
    return models.decisions(work.session, query)


def list_inside(work: Work, site: SiteCode | None = None) -> list[Inside]:
    """Return who is inside, latest first."""
    require(work.principal, Right.ACCESS_READ, site)
    present = models.inside(work.session, site)
    known = credentials.holders_of(work.session, [each.credential for each in present])
    return [Inside(each, known.get(CredentialId(bytes(each.credential)))) for each in present]


def list_alarms(work: Work) -> Sequence[LedgerAlarm]:
    """Return the newest alarms of the ledger."""
    require(work.principal, Right.ACCESS_READ)
    return models.alarms(work.session)


# What follows in this subject from what others recorded; `server/reactions.py` registers these.


def place_changed(work: Work, happened: PlaceChanged) -> None:
    """Let the gates know their new policy, and the controllers whom they obey."""
    if happened.what in _WHAT_GATES_NEED:
        refresh_key_lists(work, happened.site)
        knowledge.refresh(work, happened.site, (DocumentKind.POLICY,))
        entrance_codes.refresh(work, happened.site)


def credential_issued(work: Work, happened: CredentialIssued) -> None:
    """Let the gates hold what is bound to a phone, and know which earlier ones no longer count."""
    credentials_feed.changed(work, happened.site, happened.credential)


def credential_revoked(work: Work, happened: CredentialRevoked) -> None:
    """Let the gates know that a credential no longer counts."""
    credentials_feed.changed(work, happened.site, happened.credential)


def issuer_key_rotated(work: Work, happened: IssuerKeyRotated) -> None:
    """Let the gates know the new key, and how long the old one counts."""
    # At the end, so that of two works at once both lock sections and feeds in the same order.
    site = happened.site
    work.at_the_end(
        ("keys", site), lambda later: knowledge.refresh(later, site, (DocumentKind.KEYS,))
    )


def amnesty_granted(work: Work, happened: AmnestyGranted) -> None:
    """Let the gates know that entries were forgiven."""
    knowledge.refresh(work, happened.site, (DocumentKind.POLICY,))


def device_enrolled(work: Work, happened: DeviceEnrolled) -> None:
    """Prepare what a new gate must know, so that it gets all of it when it first asks."""
    knowledge.refresh(work, happened.site)


def device_status_changed(work: Work, happened: DeviceStatusChanged) -> None:
    """Tell a controller that comes back whether it is locked down."""
    if happened.online and happened.kind is Kind.CONTROLLER:
        lockdowns.controller_came(work, happened.site, happened.device)
