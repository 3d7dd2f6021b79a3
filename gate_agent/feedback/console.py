"""Feedback on a terminal: lines for people, or JSON lines for programs."""

import contextlib
import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from access_protocol import wording
from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId
from access_protocol.wording import Language
from gate_agent.clock import system_time
from gate_agent.feedback.base import Enrolling, Serving
from gate_agent.feedback.words import OF_SERVING, OF_STEP, Phrase, say, say_outcome

_STYLES = {"good": "bold green", "bad": "bold red", "wait": "yellow", "plain": "default"}
_OF_STEP = {
    Enrolling.HOLD_CODE: ("wait", "…"),
    Enrolling.WORKING: ("wait", "…"),
    Enrolling.CODE_REFUSED: ("bad", "✕"),
    Enrolling.DONE: ("good", "✓"),
}


def never_raising() -> contextlib.suppress:
    """Go on where a line cannot be written: no terminal, full disk or character set shuts a door."""
    return contextlib.suppress(OSError, ValueError)


class ConsoleFeedback:
    """One line for each thing that happens, in the language of the gate."""

    def __init__(self, language: Language, stream: TextIO | None = None) -> None:
        """Write to `stream`, or to standard output; colour only where it is a terminal."""
        from rich.console import Console  # noqa: PLC0415 - a gate without a terminal needs no rich

        self._language = language
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)
        self._lock = threading.Lock()

    def reading(self, point: AccessPointId) -> None:
        """See `Feedback.reading`."""
        self._line("wait", "…", point, say(Phrase.READING, self._language))

    def hold_still(self, point: AccessPointId) -> None:
        """See `Feedback.hold_still`."""
        self._line("wait", "…", point, say(Phrase.HOLD_STILL, self._language))

    def wait(self, point: AccessPointId) -> None:
        """See `Feedback.wait`."""
        self._line("wait", "…", point, say(Phrase.WAIT, self._language))

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """See `Feedback.granted`."""
        phrase = Phrase.GRANTED if decision.slot is None else Phrase.ORDERED
        self._line("good", "✓", point, say(phrase, self._language))

    def refused(
        self,
        point: AccessPointId,
        event: EventId,
        reason: DenyReason,
        decision: AccessDecision,
    ) -> None:
        """See `Feedback.refused`."""
        sentence = wording.sentence(reason, self._language, decision.credential_class)
        self._line("bad", "✕", point, f"{sentence} ({reason})")

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """See `Feedback.unlocked`."""
        self._line("good", "→", point, say(Phrase.UNLOCKED, self._language))

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """See `Feedback.door`."""
        good = outcome in {Outcome.OPENED, Outcome.PASSED}
        sentence = say_outcome(outcome, self._language)
        self._line("good" if good else "wait", "→" if good else "!", point, sentence)

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """See `Feedback.machine`."""
        good = said in {Serving.COMING, Serving.GIVEN}
        sentence = say(OF_SERVING[said], self._language)
        self._line("good" if good else "wait", "→" if good else "!", point, sentence)

    def offline(self, *, now: bool) -> None:
        """See `Feedback.offline`."""
        phrase = Phrase.OFFLINE if now else Phrase.ONLINE
        self._line("wait" if now else "plain", "!" if now else "✓", "", say(phrase, self._language))

    def trouble(self, where: str, what: str | None) -> None:
        """See `Feedback.trouble`."""
        if what is None:
            self._line("plain", "✓", where, say(Phrase.TROUBLE_OVER, self._language))
        else:
            sentence = say(Phrase.TROUBLE, self._language)
            self._line("bad", "!", where, f"{sentence}: {what}")

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        """See `Feedback.enrolling`."""
        style, mark = _OF_STEP[step]
        sentence = say(OF_STEP[step], self._language)
        self._line(style, mark, "", f"{sentence} ({why})" if why else sentence)

    def close(self) -> None:
        """See `Feedback.close`."""

    def _line(self, style: str, mark: str, where: str, sentence: str) -> None:
        from rich.text import Text  # noqa: PLC0415 - see above

        at = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        text = Text.assemble(
            (f"{at}  ", "dim"), (f"{mark} ", _STYLES[style]), (f"{where:<14} ", "dim"), sentence
        )
        with self._lock, never_raising():
            self._console.print(text)


class JsonFeedback:
    """One JSON object a line: ``at``, ``what``, and what belongs to it (docs/gate-agent.md)."""

    def __init__(
        self, stream: TextIO | None = None, *, now: Callable[[], datetime] = system_time
    ) -> None:
        """Write to `stream`, or to standard output."""
        self._stream = stream or sys.stdout
        self._now = now
        self._lock = threading.Lock()

    def reading(self, point: AccessPointId) -> None:
        """See `Feedback.reading`."""
        self.write("reading", access_point=point)

    def hold_still(self, point: AccessPointId) -> None:
        """See `Feedback.hold_still`."""
        self.write("hold_still", access_point=point)

    def wait(self, point: AccessPointId) -> None:
        """See `Feedback.wait`."""
        self.write("wait", access_point=point)

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """See `Feedback.granted`."""
        self.write("granted", access_point=point, event=event, **_claims(decision))

    def refused(
        self,
        point: AccessPointId,
        event: EventId,
        reason: DenyReason,
        decision: AccessDecision,
    ) -> None:
        """See `Feedback.refused`."""
        claims = _claims(decision)
        self.write("refused", access_point=point, event=event, reason=reason, **claims)

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """See `Feedback.unlocked`."""
        self.write("unlocked", access_point=point, event=event)

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """See `Feedback.door`."""
        self.write("door", access_point=point, event=event, outcome=outcome)

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """See `Feedback.machine`."""
        self.write("machine", access_point=point, event=event, said=said)

    def offline(self, *, now: bool) -> None:
        """See `Feedback.offline`."""
        self.write("offline" if now else "online")

    def trouble(self, where: str, what: str | None) -> None:
        """See `Feedback.trouble`."""
        self.write("trouble", where=where, trouble=what)

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        """See `Feedback.enrolling`."""
        self.write("enrolling", step=step, why=why or None)

    def close(self) -> None:
        """See `Feedback.close`."""

    def write(self, what: str, **further: object) -> None:
        """Write one line."""
        at = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, "what": what, **further}, ensure_ascii=False)
        with self._lock, never_raising():
            self._stream.write(line + "\n")
            self._stream.flush()


def _claims(decision: AccessDecision) -> dict[str, object]:
    credential = decision.credential_id
    return {
        "credential": None if credential is None else credential.hex(),
        "class": decision.credential_class,
    }
