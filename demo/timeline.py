"""The readable timeline of the demo: what happened, when, and whether it really did."""

from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape

_INDIGO, _PINE, _VERMILION, _AMBER = "#5B84B1", "#4C9A74", "#E0654F", "#D39A3A"


class StepFailedError(Exception):
    """A step of the demo did not really happen; the message says what was found instead."""


class Timeline:
    """Prints one line a happening, as it happens, on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        """Print on `console`, or on standard output."""
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._steps = 0

    def title(self, text: str) -> None:
        """Print a heading."""
        self._console.print(f"\n[bold {_INDIGO}]{escape(text)}[/]")

    def note(self, text: str) -> None:
        """Print something that is worth knowing and is no step."""
        self._console.print(f"             [dim]{escape(text)}[/]")

    def happened(self, text: str) -> None:
        """Print a step that was checked and really happened."""
        self._steps += 1
        self._line("✓", _PINE, text)

    def refused(self, text: str) -> None:
        """Print a refusal that was checked: what should not open did not."""
        self._steps += 1
        self._line("✕", _VERMILION, text)

    def waiting(self, text: str) -> None:
        """Print what is being waited for."""
        self._line("…", _AMBER, text)

    def failed(self, text: str) -> None:
        """Print what should have happened and did not."""
        self._line("!", _VERMILION, f"FAILED: {text}")

    @property
    def steps(self) -> int:
        """How many steps were checked."""
        return self._steps

    def _line(self, mark: str, colour: str, text: str) -> None:
        now = datetime.now(UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        self._console.print(f"{now} [{colour}]{mark}[/] {escape(text)}")
