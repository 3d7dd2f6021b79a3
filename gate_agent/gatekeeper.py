"""Text in, decision out: asks the shared rules, and knows one presentation from the next.

It touches nothing: knowledge, history, the time and the moment come in as arguments.
"""

import threading
from datetime import timedelta

from access_protocol import rules
from access_protocol.credential import PREFIX
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.ids import AccessPointId
from access_protocol.knowledge import AccessPoint

SAME_PRESENTATION = timedelta(seconds=10)
"""The same claims at the same access point within this time of a decision are not decided anew."""

_Shown = frozenset[str] | tuple[bytes, int | None]
"""What tells presentations apart: the claims where an issuer vouched for them, else the texts."""


class Gatekeeper:
    """Decides once on each presentation; several threads may share it.

    Moments are seconds of one monotonic clock. Two decisions at once are for the caller to keep
    apart: the history that they look at is not ours.
    """

    def __init__(self) -> None:
        """Start without a memory; what must outlive a restart is the history's."""
        self._decided: dict[tuple[AccessPointId, _Shown], float] = {}
        self._lock = threading.Lock()

    def seen(self, texts: tuple[str, ...], point: AccessPointId, moment: float) -> bool:
        """Tell whether there is nothing to decide: no code of ours, or these very texts again."""
        ours = _ours(texts)
        with self._lock:
            self._forget(moment)
            return not ours or (point, ours) in self._decided

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
        decided on less than `SAME_PRESENTATION` ago.
        """
        if self.seen(texts, point.id, moment):
            return None
        request = rules.CodePresented(texts)
        decision = rules.decide(request, point, knowledge, history, circumstances)
        if decision.reason is DenyReason.NO_CODE:
            return None
        with self._lock:
            return decision if self._is_new(decision, (point.id, _ours(texts)), moment) else None

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
        claims_key = (text_key[0], (bytes(decision.credential_id), variant))
        before = self._decided.get(claims_key)
        self._decided[text_key] = self._decided[claims_key] = moment if before is None else before
        return before is None

    def _forget(self, moment: float) -> None:
        oldest = moment - SAME_PRESENTATION.total_seconds()
        for key in [key for key, at in self._decided.items() if at <= oldest]:
            del self._decided[key]


def _ours(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(text for text in texts if text.startswith(PREFIX))
