"""Plays the suite: one JSON object a line on standard output, how far it is on standard error.

`python -m tests.faults [NAME …]` plays the faults whose names hold one of the given words.
FAULTS=long plays the long form, FAULTS_SEED repeats a run's random choices.
"""

import logging
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import track

from tests.faults.figures import LONG, SEED, Figure
from tests.faults.installation import Installation
from tests.faults.suite import FAULTS

CONSOLE = Console(stderr=True, highlight=False)


def main(wanted: Sequence[str]) -> int:
    """Play what is wanted; returns 1 where a figure is wrong."""
    chosen = [f for f in FAULTS if not wanted or any(word in f.name for word in wanted)]
    form = "long" if LONG else "short"
    # A forged message is refused with a line in the log, ten thousand times.
    logging.disable(logging.WARNING)
    CONSOLE.print(f"{len(chosen)} faults, {form} form; repeat with FAULTS_SEED={SEED}")
    wrong = 0
    with ExitStack() as opened:
        installation: Installation | None = None
        for fault in chosen:
            if fault.needs_installation and installation is None:
                folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
                installation = opened.enter_context(Installation(folder, Random(SEED)))

            def shown(runs: Sequence[int], name: str = fault.name) -> Iterable[int]:
                return _tracked(runs, name)

            scene = fault.scene(installation, shown)
            figure = Figure(fault, scene.runs, fault.play(scene))
            print(figure.line(), flush=True)  # noqa: T201 - the figures are what is asked for
            for sentence in figure.wrong:
                CONSOLE.print(f"  {sentence}", style="red", markup=False)
            wrong += bool(figure.wrong)
    return min(wrong, 1)


def _tracked(runs: Sequence[int], name: str) -> Iterator[int]:
    yield from track(runs, name, console=CONSOLE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
