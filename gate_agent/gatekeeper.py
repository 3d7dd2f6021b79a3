"""Text in, decision out: asks the shared rules, and knows one presentation from the next.

It touches nothing: knowledge, history, the time and the moment come in as arguments.
"""

from dataclasses import dataclass
from datetime import timedelta

from access_protocol import credential as credentials
from access_protocol import rules
from access_protocol.credential import PREFIX
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.ids import AccessPointId, CredentialId
from access_protocol.knowledge import AccessPoint

SAME_PRESENTATION = timedelta(seconds=10)
"""The same claims at the same access point within this time of a decision are not decided anew.

After a grant neither are later presentations of the same credential: a phone that is still held there draws
its next one while its visitor walks through.
"""
A_FULL_ONE_COMES = timedelta(seconds=10)
"""A phone turns from short presentations to full ones within this time."""
MOST_HELD_STILL = 5
"""So many phones are waited for at one access point; more short ones at once are no visitors."""

FORGED_AT_ONCE = 10
FORGED_EVERY = timedelta(seconds=10)
"""Decisions on codes that no issuer vouched for, at one access point: ten at once, for a visitor who
tries what the phone holds, then one every ten seconds. Each is a journal entry for ever; a screen
that shows another forgery in each frame would otherwise fill the disk and the server's ledger."""

_Shown = frozenset[str] | tuple[bytes, int | None] | tuple[bytes, int | None, str]
"""What tells presentations apart: the claims where an issuer vouched for them, else the texts."""


class TooManyForged(Exception):
    """The code was not decided on: no issuer vouched for it, nor for too many before it."""


class HoldStill(Exception):
    """The code was not decided on: it is short for a credential that the gate does not hold.

    The full presentation comes if the phone stays where it is.
    """


@dataclass(slots=True)
class _Waiting:
    """A credential of which nothing but short presentations were seen, from when until when."""

    since: float
    last: float


class Gatekeeper:
    """Decides once on each presentation.

    Moments are seconds of one monotonic clock. The caller keeps its threads apart, as it must for
    the history that a decision looks at.
    """

    def __init__(self) -> None:
        """Start without a memory; what must outlive a restart is the history's."""
        self._decided: dict[tuple[AccessPointId, _Shown], float] = {}
        self._forged: dict[AccessPointId, _Allowance] = {}
        self._short: dict[tuple[AccessPointId, CredentialId], _Waiting] = {}
        self._short_texts: dict[tuple[AccessPointId, _Shown], CredentialId] = {}

    def seen(self, texts: tuple[str, ...], point: AccessPointId, moment: float) -> bool:
        """Tell whether there is nothing to decide: no code of ours, or these very texts again."""
        ours = _ours(texts)
        self._forget(moment)
        return not ours or (point, ours) in self._decided or self._still_held(point, ours, moment)

    def calm(self, point: AccessPointId, moment: float) -> bool:
        """Tell whether also a code that no issuer vouched for would be decided on now.

        Not while a full one is waited for: a screen may show another short one in each frame.
        """
        waits = any(at == point for at, _ in self._short)
        return not waits and self._allowance(point, moment).left(moment) >= 1

    def decide(
        self,
        texts: tuple[str, ...],
        point: AccessPoint,
        knowledge: rules.Knowledge,
        history: rules.History,
        circumstances: rules.Circumstances,
        moment: float,
    ) -> AccessDecision | None:
        """Return the decision on what stood before the reader, or None where none is due.

        None is due for posters and other codes that are not ours, and for a presentation that was
        decided on less than `SAME_PRESENTATION` ago. Raises `TooManyForged`, or `HoldStill` until
        `A_FULL_ONE_COMES` went by with nothing but short ones; never for a code that an issuer vouched for.
        """
        if self.seen(texts, point.id, moment):
            return None
        request = rules.CodePresented(texts)
        decision = rules.decide(request, point, knowledge, history, circumstances)
        if decision.reason is DenyReason.NO_CODE:
            return None
        if decision.reason is DenyReason.NOT_HELD and self._just_granted(
            _ours(texts), point.id, moment
        ):
            return None
        if decision.credential_id is None:
            self._allowance(point.id, moment).take(moment)
        else:
            self._short.pop((point.id, decision.credential_id), None)
        return decision if self._is_new(decision, (point.id, _ours(texts)), moment) else None

    def _still_held(self, point: AccessPointId, ours: frozenset[str], moment: float) -> bool:
        """Tell whether this is a short one that is waited on, and note that it is still there."""
        credential = self._short_texts.get((point, ours))
        waiting = None if credential is None else self._short.get((point, credential))
        if waiting is None or moment - waiting.since >= A_FULL_ONE_COMES.total_seconds():
            return False
        waiting.last = moment
        return True

    def _just_granted(self, ours: frozenset[str], point: AccessPointId, moment: float) -> bool:
        """Tell whether a short one is of a phone whose full one was just granted.

        Raises `HoldStill` where the full one can still come.
        """
        held_id = credentials.read(next(iter(ours))).held_id
        if held_id is None:
            return False
        if (point, (bytes(held_id), None, "granted")) in self._decided:
            return True
        key = (point, held_id)
        waiting = self._short.get(key)
        if waiting is None and not self._has_room(point):
            raise TooManyForged
        if waiting is None:
            waiting = self._short[key] = _Waiting(moment, moment)
        if moment - waiting.since >= A_FULL_ONE_COMES.total_seconds():
            del self._short[key]
            return False
        waiting.last = moment
        self._short_texts[point, ours] = held_id
        raise HoldStill

    def _has_room(self, point: AccessPointId) -> bool:
        return sum(at == point for at, _ in self._short) < MOST_HELD_STILL

    def _allowance(self, point: AccessPointId, moment: float) -> "_Allowance":
        return self._forged.setdefault(point, _Allowance(moment))

    def _is_new(
        self, decision: AccessDecision, text_key: tuple[AccessPointId, _Shown], moment: float
    ) -> bool:
        """Remember what was decided on, and tell whether its claims were not decided on before."""
        if decision.credential_id is None:
            self._decided[text_key] = moment
            return True
        variant = decision.presented_at
        if variant is None:
            variant = decision.generation
        id_ = bytes(decision.credential_id)
        claims_key = (text_key[0], (id_, variant))
        granted_key = (text_key[0], (id_, decision.generation, "granted"))
        before = self._decided.get(claims_key, self._decided.get(granted_key))
        self._decided[text_key] = self._decided[claims_key] = moment if before is None else before
        if before is None and decision.granted:
            self._decided[granted_key] = moment
            # A short one that is not held does not say which generation it is of.
            self._decided[text_key[0], (id_, None, "granted")] = moment
        return before is None

    def _forget(self, moment: float) -> None:
        oldest = moment - SAME_PRESENTATION.total_seconds()
        for key in [key for key, at in self._decided.items() if at <= oldest]:
            del self._decided[key]
        for key in [key for key, waiting in self._short.items() if waiting.last <= oldest]:
            del self._short[key]
        for point, shown in [
            key for key, id_ in self._short_texts.items() if (key[0], id_) not in self._short
        ]:
            del self._short_texts[point, shown]


class _Allowance:
    """A bucket of `FORGED_AT_ONCE` tokens that gets one back every `FORGED_EVERY`."""

    def __init__(self, moment: float) -> None:
        self._tokens = float(FORGED_AT_ONCE)
        self._counted_at = moment

    def left(self, moment: float) -> float:
        """Return how many tokens there are now."""
        gained = (moment - self._counted_at) / FORGED_EVERY.total_seconds()
        return min(FORGED_AT_ONCE, self._tokens + gained)

    def take(self, moment: float) -> None:
        """Take one, or raise `TooManyForged`."""
        left = self.left(moment)
        if left < 1:
            raise TooManyForged
        self._tokens, self._counted_at = left - 1, moment


def _ours(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(text for text in texts if text.startswith(PREFIX))
