"""The one place that says granted or denied; server and gate both ask here.

Pure: knowledge, history, the time and how far it can be trusted come in as arguments. The checks
stand in the order of `DenyReason`; the first that fails names the refusal.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from access_protocol import credential as credentials
from access_protocol import signed
from access_protocol.credential import PREFIX, Credential, CredentialClass, Presentation
from access_protocol.decision import AccessDecision, DecisionWarning, DenyReason
from access_protocol.ids import AccessPointId, CredentialId, KeyId, SiteCode, ZoneNumber
from access_protocol.knowledge import AccessPoint, AntiPassback, Direction, Policy
from access_protocol.presence import Presence, Ways, is_enough

PRESENTATION_PAST = timedelta(seconds=30)
PRESENTATION_FUTURE = timedelta(seconds=10)
"""A presentation counts from 30 s before to 10 s after the time it names, by the gate's clock."""


class Knowledge(Protocol):
    """What the decider knows about its site."""

    @property
    def site(self) -> SiteCode:
        """The site's code: the audience that a credential must name."""
        ...

    @property
    def policy(self) -> Policy:
        """The policy of the site at the decider's access points."""
        ...

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> Iterable[bytes]:
        """Return the raw public keys of issuers that have this hint and count at this time.

        None stands for a time that is not known: then every key with the hint is tried, and the
        refusal is `CLOCK_UNTRUSTED` further down rather than a key that seems unknown.
        """
        ...

    def lowest_generation(self, credential: CredentialId) -> int:
        """Return the lowest generation of this credential that is still valid; 0 if all are."""
        ...

    def held_credential(self, credential: CredentialId) -> bytes | None:
        """Return the bound credential with this id, as its issuer signed it, where it is held."""
        ...


class History(Protocol):
    """What the decider remembers of earlier presentations and passages."""

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        """Tell whether this holder's presentation was decided on before at this access point."""
        ...

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        """Tell whether a single use here was made, or is reserved by a grant still under way."""
        ...

    def bound_generation(self, credential: CredentialId) -> int | None:
        """Return the newest generation of the bound credential with this id that was used anywhere."""
        ...

    def inside(self, credential: CredentialId, zone: ZoneNumber, since: datetime | None) -> bool:
        """Tell whether the visitor is known to be in this zone by an entry after `since`, if given."""
        ...


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds at the moment of deciding. `knowledge_age` is None where nothing was ever heard."""

    now: datetime
    clock_trusted: bool
    knowledge_age: timedelta | None


@dataclass(frozen=True, slots=True)
class CodePresented:
    """All texts that stood in one frame before the reader; other codes than ours do not count."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """A signed-in person asks to open a portal; `permitted` is what the permission check said.

    `bearer` is the text of the credential of whom they let through, if it is for somebody: whoever lost their
    phone. What the credential says counts then as at a reader; who holds it the operator sees.
    """

    permitted: bool
    bearer: str | None = None


@dataclass(frozen=True, slots=True)
class PosterScanned:
    """A visitor scanned the poster at an access point; their phone's texts came over the network.

    `bearer` is the credential of the visitor whose page asks, so that nobody asks with another's.
    `shown` is what the asker itself found true for this visitor here. `Presence.KEY` in it counts for
    nothing: that is shown by the texts alone. `ways` is what the access point asks for.
    """

    texts: tuple[str, ...]
    bearer: CredentialId
    shown: frozenset[Presence]
    ways: Ways


Request = CodePresented | PosterScanned | OperatorRequest


class _DeniedError(Exception):
    """Ends the checks; never leaves this module."""

    def __init__(self, reason: DenyReason) -> None:
        super().__init__(reason)
        self.reason = reason


def decide(
    request: Request,
    point: AccessPoint,
    knowledge: Knowledge,
    history: History,
    circumstances: Circumstances,
) -> AccessDecision:
    """Return whether the request is granted at the access point, or the first reason why not.

    A granted decision is not yet a command: it is journaled first (see `not_journaled`).
    """
    if isinstance(request, OperatorRequest):
        return _decide_operator(request, point, knowledge, history, circumstances)
    try:
        presentation = _with_credential(_one_presentation(request.texts), knowledge)
        credential = _vouched_for(presentation, knowledge, circumstances)
    except _DeniedError as denied:
        return AccessDecision(denied.reason)
    decision = AccessDecision(
        None,
        credential.id,
        credential.credential_class,
        credential.generation,
        slot=credential.slot,
    )
    try:
        _check_validity(credential, knowledge, circumstances)
        _check_place(credential, point, history)
        _check_bearer(request, credential)
        presented_at = _check_holder(presentation, credential, circumstances)
        decision = replace(decision, presented_at=presented_at)
        _check_use(decision, credential, point, history)
        warning = _check_anti_passback(credential, point, knowledge, history, circumstances)
        _check_presence(request, credential)
        _check_lockdown(point, knowledge)
    except _DeniedError as denied:
        return replace(decision, reason=denied.reason)
    return replace(decision, warning=warning)


def not_journaled(decision: AccessDecision) -> AccessDecision:
    """Return the decision as it stands where the journal could not be written: never granted."""
    reason = decision.reason or DenyReason.JOURNAL_UNAVAILABLE
    return replace(decision, reason=reason, warning=None)


def _decide_operator(
    request: OperatorRequest,
    point: AccessPoint,
    knowledge: Knowledge,
    history: History,
    circumstances: Circumstances,
) -> AccessDecision:
    if not request.permitted:
        return AccessDecision(DenyReason.NOT_PERMITTED)
    decision = AccessDecision(None)
    try:
        if request.bearer is not None:
            presentation = _one_presentation((request.bearer,))
            credential = _vouched_for(presentation, knowledge, circumstances)
            decision = AccessDecision(None, credential.id)
            if (
                point.direction is Direction.IN
            ):  # whoever wants to leave may, whatever their pass says
                _check_validity(credential, knowledge, circumstances)
                _check_zone(credential, point)
                decision = replace(
                    decision,
                    warning=_noted_passback(credential, point, knowledge, history, circumstances),
                )
        _check_lockdown(point, knowledge)
    except _DeniedError as denied:
        return replace(decision, reason=denied.reason, warning=None)
    return decision


def _noted_passback(
    credential: Credential,
    point: AccessPoint,
    knowledge: Knowledge,
    history: History,
    circumstances: Circumstances,
) -> DecisionWarning | None:
    """Note a second entry where an operator stands by; it is for them to refuse it."""
    try:
        return _check_anti_passback(credential, point, knowledge, history, circumstances)
    except _DeniedError:
        return DecisionWarning.ANTI_PASSBACK


def _one_presentation(texts: tuple[str, ...]) -> Presentation:
    ours = {text for text in texts if text.startswith(PREFIX)}
    if not ours:
        raise _DeniedError(DenyReason.NO_CODE)
    if len(ours) > 1:
        raise _DeniedError(DenyReason.SEVERAL_CODES)
    try:
        return credentials.read(ours.pop())
    except credentials.MalformedCredentialError as error:
        raise _DeniedError(DenyReason.MALFORMED) from error


def _with_credential(presentation: Presentation, knowledge: Knowledge) -> Presentation:
    if presentation.held_id is None:
        return presentation
    held = knowledge.held_credential(presentation.held_id)
    if held is None:
        raise _DeniedError(DenyReason.NOT_HELD)
    return presentation.with_held(held)


def _vouched_for(
    presentation: Presentation, knowledge: Knowledge, circumstances: Circumstances
) -> Credential:
    try:
        at = circumstances.now if circumstances.clock_trusted else None
        return credentials.verify_issuer(presentation, lambda hint: knowledge.issuer_keys(hint, at))
    except signed.UnknownKeyError as error:
        raise _DeniedError(DenyReason.UNKNOWN_KEY) from error
    except signed.BadSignatureError as error:
        raise _DeniedError(DenyReason.BAD_SIGNATURE) from error
    except credentials.MalformedCredentialError as error:
        raise _DeniedError(DenyReason.MALFORMED) from error


def _check_validity(
    credential: Credential, knowledge: Knowledge, circumstances: Circumstances
) -> None:
    policy, age, now = knowledge.policy, circumstances.knowledge_age, circumstances.now
    static = credential.credential_class is CredentialClass.STATIC
    limit = min(policy.static_staleness, policy.staleness) if static else policy.staleness
    if credential.site != knowledge.site:
        raise _DeniedError(DenyReason.WRONG_SITE)
    if age is None or age > limit:
        raise _DeniedError(DenyReason.KNOWLEDGE_STALE)
    if not circumstances.clock_trusted:
        raise _DeniedError(DenyReason.CLOCK_UNTRUSTED)
    if now < credential.not_before:
        raise _DeniedError(DenyReason.NOT_YET_VALID)
    if now >= credential.expires:
        raise _DeniedError(DenyReason.EXPIRED)
    if credential.generation < knowledge.lowest_generation(credential.id):
        raise _DeniedError(DenyReason.REVOKED)


def _check_place(credential: Credential, point: AccessPoint, history: History) -> None:
    if credential.credential_class not in point.classes:
        raise _DeniedError(DenyReason.CLASS_NOT_ALLOWED)
    if credential.credential_class is CredentialClass.STATIC:
        used = history.bound_generation(credential.id)
        # A static one that was issued after the bound one brings the static one back.
        if used is not None and used > credential.generation:
            raise _DeniedError(DenyReason.USE_PHONE)
    _check_zone(credential, point)


def _check_zone(credential: Credential, point: AccessPoint) -> None:
    if credential.machine is not None:
        if credential.machine != point.portal:
            raise _DeniedError(DenyReason.WRONG_MACHINE)
    elif point.zone not in credential.zones:
        raise _DeniedError(DenyReason.WRONG_ZONE)


def _check_holder(
    presentation: Presentation, credential: Credential, circumstances: Circumstances
) -> int | None:
    """Return the time that tells this presentation from others; None where the class has none."""
    if presentation.holder_envelope is None:
        if credential.credential_class is CredentialClass.BOUND:
            raise _DeniedError(DenyReason.HOLDER_PROOF_MISSING)
        refreshed = credential.credential_class is CredentialClass.REFRESHED
        return credentials.seconds(credential.not_before) if refreshed else None
    try:
        made = credentials.verify_holder(presentation, credential)
    except credentials.HolderProofError as error:
        raise _DeniedError(DenyReason.HOLDER_PROOF_WRONG) from error
    if not -PRESENTATION_FUTURE <= circumstances.now - made <= PRESENTATION_PAST:
        raise _DeniedError(DenyReason.PRESENTATION_OUT_OF_TIME)
    return credentials.seconds(made)


def _check_use(
    decision: AccessDecision, credential: Credential, point: AccessPoint, history: History
) -> None:
    presented_at = decision.presented_at
    if presented_at is not None and history.presentation_used(
        credential.id, presented_at, point.id
    ):
        raise _DeniedError(DenyReason.ALREADY_USED)
    spent = _SINGLE_USE.get(credential.credential_class)
    if spent is not None and history.entry_spent(credential.id, point.id):
        raise _DeniedError(spent)


_SINGLE_USE = {
    CredentialClass.STATIC: DenyReason.ENTRY_SPENT,
    CredentialClass.VOUCHER: DenyReason.VOUCHER_SPENT,
}


def _check_anti_passback(
    credential: Credential,
    point: AccessPoint,
    knowledge: Knowledge,
    history: History,
    circumstances: Circumstances,
) -> DecisionWarning | None:
    zone = knowledge.policy.zone(point.zone)
    if zone.anti_passback is AntiPassback.OFF or point.direction is not Direction.IN:
        return None
    if credential.credential_class is CredentialClass.VOUCHER:
        return None  # nobody goes anywhere by it
    if not history.inside(credential.id, point.zone, zone.counts_since(circumstances.now)):
        return None
    if zone.anti_passback is AntiPassback.HARD:
        raise _DeniedError(DenyReason.ANTI_PASSBACK)
    return DecisionWarning.ANTI_PASSBACK


def _check_bearer(request: CodePresented | PosterScanned, credential: Credential) -> None:
    """At a reader whoever holds the phone bears it; over the network it must be the asker's own."""
    if isinstance(request, PosterScanned) and request.bearer != credential.id:
        raise _DeniedError(DenyReason.HOLDER_PROOF_WRONG)


def _check_presence(request: CodePresented | PosterScanned, credential: Credential) -> None:
    """Look whether one way is fully shown.

    A bound credential's holder's proof was verified before. A voucher that never left the server says
    as much: it was made for the very visitor who asks.
    """
    if isinstance(request, CodePresented):
        return
    keyed = credential.credential_class in (CredentialClass.BOUND, CredentialClass.VOUCHER)
    key = frozenset({Presence.KEY})
    if not is_enough(request.shown | key if keyed else request.shown - key, request.ways):
        raise _DeniedError(DenyReason.PRESENCE_MISSING)


def _check_lockdown(point: AccessPoint, knowledge: Knowledge) -> None:
    if point.direction is Direction.IN and point.zone in knowledge.policy.locked_down:
        raise _DeniedError(DenyReason.LOCKDOWN)
