"""What stands on the display: each thing it can say, in words, with its icon, tone and sound.

Pure. A screen says nothing about a person: a refusal is made from its reason alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from access_protocol import wording
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import Outcome
from access_protocol.wording import Language
from gate_agent.feedback.base import Enrolling, Serving
from gate_agent.feedback.words import OF_SERVING, Phrase, say, say_age, say_outcome

STALE_AFTER = timedelta(minutes=10)
"""A gate asks every minute; knowledge older than this means that nobody answers."""
_SENTENCE = re.compile(r"(?<=[。！？])|(?<=[.!?]) ")


class Tone(StrEnum):
    """What a screen's colour stands for."""

    PLAIN = "plain"
    BUSY = "busy"
    WAIT = "wait"
    GOOD = "good"
    OPEN = "open"
    BAD = "bad"


class Sound(StrEnum):
    """What a screen sounds like when it appears."""

    GRANTED = "granted"
    OPEN = "open"
    REFUSED = "refused"
    ATTENTION = "attention"


class Words(Struct, frozen=True):
    """What a screen says in one language: a short heading, and sentences that can stand alone."""

    heading: str
    sentences: tuple[str, ...]


class Mark(Struct, frozen=True):
    """A small mark at the foot of the screen: an icon and a few words in each language."""

    icon: str
    words: dict[Language, str]


class Screen(Struct, frozen=True, kw_only=True):
    """One screen; `what` names it for tests and style."""

    what: str
    icon: str
    tone: Tone
    words: dict[Language, Words]
    sound: Sound | None = None
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the gate stands towards its server."""

    online: bool = True
    knowledge_age: timedelta | None = timedelta()
    clock_trusted: bool = True


def words(
    text: Mapping[Language, str], heading: Mapping[Language, str] | None = None
) -> dict[Language, Words]:
    """Return what a screen says, its text taken apart into sentences."""
    return {
        language: Words(
            heading[language] if heading else "",
            tuple(filter(None, _SENTENCE.split(each))),
        )
        for language, each in text.items()
    }


def spoken(phrase: Phrase) -> dict[Language, str]:
    """Return a phrase in every language."""
    return {language: say(phrase, language) for language in Language}


def _screen(what: Phrase, icon: str, tone: Tone, sound: Sound | None = None) -> Screen:
    return Screen(what=str(what), icon=icon, tone=tone, words=words(spoken(what)), sound=sound)


IDLE = _screen(Phrase.IDLE, "credential", Tone.PLAIN)
MACHINE_IDLE = _screen(Phrase.MACHINE_IDLE, "drink", Tone.PLAIN)
READING = _screen(Phrase.READING, "gate", Tone.BUSY)
HOLD_STILL = _screen(Phrase.HOLD_STILL, "gate", Tone.WAIT, Sound.ATTENTION)
WAIT = _screen(Phrase.WAIT, "waiting", Tone.WAIT)
GRANTED = _screen(Phrase.GRANTED, "granted", Tone.GOOD, Sound.GRANTED)
ORDERED = _screen(Phrase.ORDERED, "granted", Tone.GOOD, Sound.GRANTED)
UNLOCKED = Screen(
    what="unlocked",
    icon="onward",
    tone=Tone.OPEN,
    words=words(spoken(Phrase.UNLOCKED), spoken(Phrase.WELCOME)),
    sound=Sound.OPEN,
    arrow=True,
)
TROUBLE = _screen(Phrase.TROUBLE, "alarm", Tone.WAIT)
HOLD_CODE = _screen(Phrase.HOLD_CODE, "key", Tone.PLAIN)
ENROLLING = _screen(Phrase.ENROLLING, "waiting", Tone.BUSY)
ENROLLED = _screen(Phrase.ENROLLED, "granted", Tone.GOOD, Sound.GRANTED)
CODE_REFUSED = _screen(Phrase.CODE_REFUSED, "refused", Tone.BAD, Sound.REFUSED)
OF_STEP = {
    Enrolling.HOLD_CODE: HOLD_CODE,
    Enrolling.WORKING: ENROLLING,
    Enrolling.CODE_REFUSED: CODE_REFUSED,
    Enrolling.DONE: ENROLLED,
}


def refused(reason: DenyReason, credential_class: CredentialClass | None = None) -> Screen:
    """Return the screen of a refusal, in the words for what was shown where that is known."""
    heading = Phrase.NOT_ADMITTED
    if reason is DenyReason.CLASS_NOT_ALLOWED:
        heading = Phrase.NOT_THIS_CODE
    elif credential_class is CredentialClass.VOUCHER:
        heading = Phrase.NO_DRINK
    text = {language: wording.sentence(reason, language, credential_class) for language in Language}
    return Screen(
        what="refused",
        icon="refused",
        tone=Tone.BAD,
        words=words(text, spoken(heading)),
        sound=Sound.REFUSED,
    )


_OF_SERVING = {
    Serving.COMING: ("drink", Tone.GOOD, None),
    Serving.GIVEN: ("drink", Tone.GOOD, Sound.OPEN),
    Serving.SOLD_OUT: ("waiting", Tone.WAIT, Sound.REFUSED),
    Serving.NOT_GIVEN: ("alarm", Tone.WAIT, Sound.REFUSED),
    Serving.BUSY: ("waiting", Tone.WAIT, Sound.ATTENTION),
    Serving.NO_ANSWER: ("alarm", Tone.WAIT, Sound.REFUSED),
}


def machine(said: Serving) -> Screen:
    """Return the screen of what a vending machine reported."""
    icon, tone, sound = _OF_SERVING[said]
    text = words(spoken(OF_SERVING[said]))
    return Screen(what=f"machine-{said}", icon=icon, tone=tone, words=text, sound=sound)


_OF_OUTCOME = {
    Outcome.OPENED: ("door-open", Tone.OPEN, None),
    Outcome.PASSED: ("passed", Tone.GOOD, None),
    Outcome.NOT_PASSED: ("waiting", Tone.WAIT, None),
    Outcome.NO_ANSWER: ("alarm", Tone.WAIT, Sound.REFUSED),
    Outcome.REFUSED: ("alarm", Tone.WAIT, Sound.REFUSED),
}


def door(outcome: Outcome) -> Screen:
    """Return the screen of what the controller reported."""
    icon, tone, sound = _OF_OUTCOME[outcome]
    text = {language: say_outcome(outcome, language) for language in Language}
    what = f"door-{outcome}"
    arrow = outcome is Outcome.OPENED
    return Screen(what=what, icon=icon, tone=tone, words=words(text), sound=sound, arrow=arrow)


def marks(standing: Standing) -> Sequence[Mark]:
    """Return the marks that a screen bears besides what it says."""
    age = standing.knowledge_age
    found: list[Mark] = []
    if not standing.online:
        found.append(Mark("offline", spoken(Phrase.OFFLINE_MARK)))
    if not standing.online or age is None or age > STALE_AFTER:
        found.append(Mark("clock", {language: say_age(age, language) for language in Language}))
    if not standing.clock_trusted:
        found.append(Mark("unknown", spoken(Phrase.CLOCK_MARK)))
    return found
