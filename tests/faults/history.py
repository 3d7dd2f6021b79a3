"""Holds what controllers did, what gates journaled and what the server stored against each other. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

PASSAGES = frozenset({"opened", "passed"})
"""A turnstile counts who passed, a door's contact sees it open."""


@dataclass(frozen=True, slots=True)
class Word:
    """One thing that a controller itself recorded, as it happened."""

    controller: str
    boot: str
    sequence: int
    what: str
    event: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a journal, at the gate or as the server stored it. `granted` is None for an outcome."""

    gate: str
    journal: str
    sequence: int
    hash: str
    event: str
    access_point: str
    at: datetime
    granted: bool | None = None
    credential: str | None = None
    single: bool = False
    """Whether the credential lets its bearer in once only."""
    outcome: str | None = None

    @property
    def place(self) -> tuple[str, str, int]:
        """What the server stores it under, once."""
        return self.gate, self.journal, self.sequence


@dataclass(frozen=True, slots=True)
class History:
    """Everything that is known at the end, from three sides.

    `heard` are the words of controllers that reached the server by themselves; `ended` the boots whose
    controller was killed (it keeps nothing: its last words may be its own alone); `barred` since when
    no gate may open for a credential. What an operator commanded is among `stored`: the server
    journals its own decisions.
    """

    words: tuple[Word, ...] = ()
    journaled: tuple[Entry, ...] = ()
    stored: tuple[Entry, ...] = ()
    heard: frozenset[tuple[str, str, int]] = frozenset()
    ended: frozenset[str] = frozenset()
    barred: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    alarms: tuple[str, ...] = ()
    one_clock: bool = True
    """Whether all of them read the same clock, so that their times say what came first."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What does not fit, each as a sentence; empty where nothing was lost, doubled or made up."""

    lost: frozenset[str] = frozenset()
    duplicated: frozenset[str] = frozenset()
    unexpected: frozenset[str] = frozenset()
    opened_wrongly: frozenset[str] = frozenset()

    def since(self, before: "Findings") -> "Findings":
        """Return what was not found before."""
        return Findings(
            self.lost - before.lost,
            self.duplicated - before.duplicated,
            self.unexpected - before.unexpected,
            self.opened_wrongly - before.opened_wrongly,
        )


def check(history: History) -> Findings:
    """Compare the three sides."""
    return Findings(
        frozenset(_lost(history)),
        frozenset(_duplicated(history)),
        frozenset(_unexpected(history)),
        frozenset(_opened_wrongly(history)),
    )


def _lost(history: History) -> Iterable[str]:
    stored = {entry.place for entry in history.stored}
    for entry in history.journaled:
        if entry.place not in stored:
            yield f"{_named(entry)} was journaled and is not stored"
    for journal, numbers in _numbers(history.journaled).items():
        for missing in set(range(min(numbers), max(numbers))) - numbers:
            yield f"entry {missing} of {journal} is missing at the gate"
    for word in unheard(history):
        yield f"{_name(word)}: {word.what} for {word.event} never reached the server"


def unheard(history: History) -> list[Word]:
    """What controllers that were not killed reported, and the server does not hold."""
    return [
        word
        for word in history.words
        if _name(word) not in history.heard and word.boot not in history.ended
    ]


def _duplicated(history: History) -> Iterable[str]:
    for place, times in Counter(entry.place for entry in history.stored).items():
        if times > 1:
            yield f"{place} is stored {times} times"
    for side, entries in (("journaled", history.journaled), ("stored", history.stored)):
        decisions = {e.place: e.event for e in entries if e.granted is not None}
        outcomes = {e.place: (e.event, e.outcome) for e in entries if e.outcome is not None}
        for event, times in Counter(decisions.values()).items():
            if times > 1:
                yield f"{event} is {side} as {times} decisions"
        for (event, outcome), times in Counter(outcomes.values()).items():
            if times > 1:
                yield f"{event} is {side} {times} times as {outcome}"
    moved = Counter(
        (word.event, word.what)
        for word in history.words
        if word.event and word.what in PASSAGES | {"unlocked"}
    )
    for (event, what), times in moved.items():
        if times > 1:
            yield f"{event} was {what} {times} times"


def _unexpected(history: History) -> Iterable[str]:
    journaled = {entry.place: entry for entry in history.journaled}
    gates = {entry.gate for entry in history.journaled}
    for entry in history.stored:
        if entry.gate not in gates:
            continue
        ours = journaled.get(entry.place)
        if ours is None:
            yield f"{_named(entry)} is stored and was never journaled"
        elif ours.hash != entry.hash:
            yield f"{_named(entry)} is stored with another hash"
    decided = {entry.event for entry in history.journaled if entry.granted}
    happened = {(word.event, word.what) for word in history.words}
    for entry in history.journaled:
        if entry.outcome is None:
            continue
        if entry.event not in decided:
            yield f"{entry.outcome} of {entry.event} was journaled without a granted decision"
        elif entry.outcome in PASSAGES and (entry.event, entry.outcome) not in happened:
            yield f"{entry.outcome} of {entry.event} was journaled and no controller said so"
    yield from history.alarms


def _opened_wrongly(history: History) -> Iterable[str]:
    granted = {
        entry.event: entry for entry in (*history.stored, *history.journaled) if entry.granted
    }
    passages: dict[tuple[str, str], set[str]] = defaultdict(set)
    for word in history.words:
        if word.what not in PASSAGES | {"unlocked"}:
            continue
        entry = granted.get(word.event or "")
        if entry is None:
            if word.event or word.what == "unlocked":
                yield f"{word.controller} {word.what} for {word.event} without a granted decision"
            continue
        if history.one_clock and word.at < entry.at:
            yield f"{word.controller} {word.what} for {word.event} before it was journaled"
        barred = history.barred.get(entry.credential or "")
        if barred is not None and entry.at > barred:
            yield f"{word.controller} {word.what} for {entry.credential} after it was barred"
        if entry.single and entry.credential and word.what in PASSAGES:
            passages[entry.credential, entry.access_point].add(entry.event)
    for (credential, point), events in passages.items():
        if len(events) > 1:
            yield f"{credential} went through {point} {len(events)} times"


def _numbers(entries: Iterable[Entry]) -> dict[str, set[int]]:
    numbers: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        numbers[entry.journal].add(entry.sequence)
    return numbers


def _name(word: Word) -> tuple[str, str, int]:
    return word.controller, word.boot, word.sequence


def _named(entry: Entry) -> str:
    return f"entry {entry.sequence} of {entry.gate} ({entry.journal})"
