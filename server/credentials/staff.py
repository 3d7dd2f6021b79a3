"""What the house's own people carry: a credential bound to their phone, and the zones that it opens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from access_protocol.credential import (
    HIGHEST_GENERATION,
    MOST_ZONES,
    CredentialClass,
)
from access_protocol.ids import CREDENTIAL_ID_BYTES, CredentialId, SiteCode, ZoneNumber
from access_protocol.keys import HolderKey
from access_protocol.knowledge import ALL_GENERATIONS
from server.credentials import holder_keys, models
from server.credentials.issuing import Terms, end, keep
from server.credentials.models import Credential, CredentialKind, Issue, StaffAccess, Standing
from server.kernel import live
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.events import Event
from server.kernel.ids import PersonId
from server.kernel.principal import Kind, Right, require
from server.kernel.work import Work
from server.people.models import Person
from server.places import models as places
from server.places.models import Site

STAFF_PASS_LIFE = timedelta(hours=12)
"""How long a staff pass counts: a working day; it is renewed whenever its page is open in the second half."""
RENEWED_AFTER = STAFF_PASS_LIFE / 2
CLOCKS_BEHIND = timedelta(minutes=10)
"""It counts from a little before it is signed, for gates whose clocks are behind."""
STAFF_PASSES = "staff-passes"
"""The live notice about a person's pass."""


@dataclass(frozen=True, kw_only=True)
class StaffAccessChanged(Event):
    """The zones of a person at a site were set; None: the site's own say again."""

    person: PersonId
    site: SiteCode
    zones: tuple[int, ...] | None


@dataclass(frozen=True, kw_only=True)
class StaffPassUnblocked(Event):
    """Security lets a person carry a pass at a site again."""

    person: PersonId
    site: SiteCode
    credential: CredentialId


@dataclass(frozen=True)
class StaffPass:
    """How a person's pass stands at a site: the zones, the credential, and its issue that counts now."""

    person: PersonId
    site: SiteCode
    zones: tuple[ZoneNumber, ...]
    own_zones: bool
    """Whether the zones were set for this person, and are not the site's own."""
    held: Credential | None
    issue: Issue | None

    @property
    def blocked(self) -> bool:
        """Whether security took it back."""
        return self.held is not None and self.held.standing is Standing.BLOCKED

    def wants_renewal(self, now: datetime) -> bool:
        """Tell whether the second half of its life has begun."""
        return self.issue is not None and now >= self.issue.expires - RENEWED_AFTER


def standing(work: Work, person: PersonId, site: SiteCode) -> StaffPass:
    """Return how a person's pass stands at a site, for that person and for whoever may read accounts."""
    _check_reader(work, person)
    place = work.session.get(Site, site)
    if place is None:
        raise NotFound("There is no such site.")
    own = work.session.get(StaffAccess, (person, site))
    zones = place.staff_zones if own is None else own.zones
    held = models.of_person(work.session, person, site)
    issue = None if held is None else models.bound_issue(work.session, held.id)
    counts = issue is not None and issue.expires > work.now
    return StaffPass(
        person,
        site,
        tuple(ZoneNumber(number) for number in zones),
        own is not None,
        held,
        issue if counts else None,
    )


def passes(work: Work, person: PersonId) -> Sequence[StaffPass]:
    """Return a person's passes at all sites, by the sites' codes."""
    return [standing(work, person, site.code) for site in places.all_sites(work.session)]


def bind_staff(work: Work, site: SiteCode, holder: HolderKey) -> Issue:
    """Bind the caller's own staff pass to their phone's key, or renew it.

    The same key gets the same credential until half its life is over. Another key takes over: what the phone
    before could show opens nothing any more. Raises `Forbidden` for whoever is not signed in as a person or
    was blocked, `Conflict` where no zone is open to them.
    """
    person = work.principal.person
    if person is None or work.principal.kind is not Kind.PERSON:
        raise Forbidden("A staff pass belongs to a person: sign in on the phone that carries it.")
    # Of two phones at once the second one takes over from the first.
    row = work.session.get_one(Person, person, with_for_update=True, populate_existing=True)
    found = standing(work, person, site)
    if not row.active:
        raise Forbidden("This account is closed.")
    if found.blocked:
        raise Forbidden("Security blocked your pass. Please ask security to lift it.")
    if not found.zones:
        raise Conflict("No zone of this site is open to you yet. Please ask an administrator.")
    same = found.issue is not None and found.issue.holder == holder_keys.compressed(holder)
    if found.issue is not None and same and not found.wants_renewal(work.now):
        return found.issue
    held = _with_generations_left(work, found) or Credential(
        id=CredentialId(work.ids.random_bytes(CREDENTIAL_ID_BYTES)),
        kind=CredentialKind.STAFF,
        person=person,
        site=site,
        last_expires=work.now,
    )
    replaces = held.revoked or (found.issue is not None and not same)
    return _sign(work, held, holder, found.zones, replaces=replaces)


def allow(work: Work, person: PersonId, site: SiteCode, zones: Iterable[int] | None) -> StaffPass:
    """Set the zones that a person may enter at a site (None: as the site says), for whoever manages accounts.

    What their phone holds is signed again at once, for fewer zones as for more.
    """
    require(work.principal, Right.PEOPLE_MANAGE, site)
    if work.session.get(Person, person) is None:
        raise NotFound("There is no such person.")
    standing(work, person, site)  # or there is no such site
    row = work.session.get(StaffAccess, (person, site))
    if zones is None:
        if row is not None:
            work.session.delete(row)
            work.session.flush()
        wanted = None
    else:
        wanted = _checked(work, site, zones)
        row = row or StaffAccess(person=person, site=site, zones=[])
        row.zones = list(wanted)
        work.session.add(row)
        work.session.flush()
    work.record(StaffAccessChanged(person=person, site=site, zones=wanted))
    _follow(work, person, site)
    return standing(work, person, site)


def follow_site(work: Work, site: SiteCode) -> None:
    """Sign again the passes whose zones the site changed. For reactions."""
    held = select(Credential.person).where(
        Credential.site == site,
        Credential.kind == CredentialKind.STAFF,
        col(Credential.last_expires) > work.now,
    )
    for person in sorted({each for each in work.session.exec(held) if each is not None}):
        _follow(work, PersonId(person), site)


def block(work: Work, person: PersonId, site: SiteCode) -> None:
    """Take a person's pass back until security lifts that; the gates hear of it within seconds."""
    require(work.principal, Right.CREDENTIALS_MANAGE, site)
    found = standing(work, person, site)
    if found.held is None:
        raise NotFound("This person carries no pass here.")
    if not found.blocked:
        end(work, found.held, Standing.BLOCKED)
        live.notice(work, STAFF_PASSES, about=person, site=site)


def unblock(work: Work, person: PersonId, site: SiteCode) -> None:
    """Let a person carry a pass again; their phone gets it when its page is opened."""
    require(work.principal, Right.CREDENTIALS_MANAGE, site)
    found = standing(work, person, site)
    if found.held is None or not found.blocked:
        raise NotFound("This person's pass is not blocked here.")
    found.held.standing = Standing.WITHDRAWN
    work.session.add(found.held)
    work.record(
        StaffPassUnblocked(person=person, site=site, credential=CredentialId(bytes(found.held.id)))
    )
    live.notice(work, STAFF_PASSES, about=person, site=site)


def withdraw_staff(work: Work, person: PersonId) -> list[CredentialId]:
    """Take back all that a person carries, at every site; for reactions: their account was closed."""
    mine = select(Credential).where(Credential.person == person).order_by(col(Credential.site))
    ended: list[CredentialId] = []
    for held in work.session.exec(mine).all():
        if held.lowest_valid < ALL_GENERATIONS:
            end(work, held, Standing.REVOKED)
            live.notice(work, STAFF_PASSES, about=person, site=held.site)
            ended.append(CredentialId(bytes(held.id)))
    return ended


def _check_reader(work: Work, person: PersonId) -> None:
    if work.principal.person != person:
        require(work.principal, Right.PEOPLE_READ)


def _checked(work: Work, site: SiteCode, zones: Iterable[int]) -> tuple[ZoneNumber, ...]:
    wanted = tuple(sorted({ZoneNumber(number) for number in zones}))
    known = {zone.number for zone in places.all_zones(work.session, site)}
    if len(wanted) > MOST_ZONES:
        raise Invalid([("zones", f"a pass names at most {MOST_ZONES} zones")])
    unknown = [str(number) for number in wanted if number not in known]
    if unknown:
        raise Invalid([("zones", f"site {site} has no zone {', '.join(unknown)}")])
    return wanted


def _with_generations_left(work: Work, found: StaffPass) -> Credential | None:
    """Return what the person holds; after 255 issues, which take a year, they get another id."""
    held = found.held
    if held is None or held.generation < HIGHEST_GENERATION:
        return held
    held.last_expires = work.now
    end(work, held, Standing.WITHDRAWN)
    return None


def _follow(work: Work, person: PersonId, site: SiteCode) -> None:
    """Let what a person's phone holds say the zones of now."""
    found = standing(work, person, site)
    if found.held is None or found.issue is None or found.issue.holder is None:
        return
    if found.issue.zone_numbers == found.zones:
        return
    held = _with_generations_left(work, found)
    if held is None:
        return  # the phone asks for the new one when its page is open
    if not found.zones:
        end(work, held, Standing.WITHDRAWN)
    else:
        holder = holder_keys.from_compressed(found.issue.holder)
        _sign(work, held, holder, found.zones, replaces=True, expires=found.issue.expires)
    live.notice(work, STAFF_PASSES, about=person, site=site)


def _sign(
    work: Work,
    held: Credential,
    holder: HolderKey,
    zones: tuple[ZoneNumber, ...],
    *,
    replaces: bool,
    expires: datetime | None = None,
) -> Issue:
    now = work.now.replace(microsecond=0)
    terms = Terms(
        credential_class=CredentialClass.BOUND,
        not_before=now - CLOCKS_BEHIND,
        expires=expires or now + STAFF_PASS_LIFE,
        zones=zones,
        holder=holder,
    )
    made = keep(work, held, terms, replaces=replaces)
    live.notice(work, STAFF_PASSES, about=held.person or "", site=held.site)
    return made
