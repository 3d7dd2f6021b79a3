"""What a fault is, how often it is played, and the figure that comes of it."""

import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.faults.history import Findings
from tests.faults.installation import Installation

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1_000_000))
"""Of every random choice in a run of the suite; the machine's own pace stays its own."""

Track = Callable[[Sequence[int]], Iterable[int]]
"""Goes through the runs and shows somebody how far it is."""


@dataclass
class Scene:
    """Where a fault is played: `rounds` gives the runs one by one, `random` chooses its moments."""

    runs: int
    random: Random
    track: Track = iter
    installation: Installation | None = None

    def rounds(self) -> Iterator[int]:
        """The number of each run."""
        yield from self.track(range(self.runs))

    @property
    def site(self) -> Installation:
        """The whole installation, for a fault that asked for one."""
        if self.installation is None:
            raise RuntimeError("this fault is played in memory")
        return self.installation


@dataclass(frozen=True)
class Fault:
    """One fault by its name, and how often it is played in the short and in the long form."""

    name: str
    play: Callable[[Scene], Findings]
    short: int
    long: int
    needs_installation: bool = True

    @property
    def runs(self) -> int:
        """How often it is played now."""
        return self.long if LONG else self.short

    def scene(self, installation: Installation | None, track: Track = iter) -> Scene:
        """A scene whose choices come from the suite's seed and this fault's name alone."""
        random = Random(f"{SEED} {self.name}")
        return Scene(self.runs, random, track, installation)


@dataclass(frozen=True)
class Figure:
    """What came of one fault."""

    fault: Fault
    runs: int
    findings: Findings = field(default_factory=Findings)

    @property
    def wrong(self) -> list[str]:
        """Every finding as a sentence."""
        found = self.findings
        return sorted(
            f"{kind}: {what}"
            for kind, whats in (
                ("lost", found.lost),
                ("duplicated", found.duplicated),
                ("unexpected", found.unexpected),
                ("opened wrongly", found.opened_wrongly),
            )
            for what in whats
        )

    def line(self) -> str:
        """The figure as one line of JSON."""
        found = self.findings
        return json.dumps(
            {
                "fault": self.fault.name,
                "runs": self.runs,
                "lost": len(found.lost),
                "duplicated": len(found.duplicated),
                "unexpected": len(found.unexpected),
                "opened_wrongly": len(found.opened_wrongly),
            }
        )
