"""What every device at a reader can do, camera or scan engine alike, and how its specification is written."""

from collections.abc import Collection, Mapping
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl

Seen_co = TypeVar("Seen_co", covariant=True)


class SourceLost(Exception):
    """The device brings nothing: not there, unplugged, taken by another program, or broken.

    Close it, wait, and open it again. The words are for the person who looks after the gate.
    """


class Source(Protocol[Seen_co]):
    """A device that is used by one thread: open, read again and again, close."""

    def open(self) -> None:
        """Get ready to read. Raises `SourceLost`. Opening an open device starts it anew."""
        ...

    def read(self) -> Seen_co:
        """What comes next. Returns or raises `SourceLost` within a few seconds."""
        ...

    def close(self) -> None:
        """Let go of the device. Closing a closed one does nothing."""
        ...


class Wait(Protocol):
    """A way to let time pass, such as `threading.Event.wait`."""

    def __call__(self, seconds: float, /) -> object:
        """Return after `seconds`, or earlier when the program is to stop."""
        ...


def options_in(query: str, allowed: Collection[str], what: str) -> dict[str, str]:
    """The options after the question mark of a specification. Raises ValueError for one not allowed.

    `what` names the specification in the error.
    """
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := options.keys() - set(allowed):
        raise ValueError(f"{what}: no such option: {', '.join(sorted(unknown))}")
    return options


def number_in(
    options: Mapping[str, str], name: str, default: float, limits: tuple[float, float]
) -> float:
    """The option `name` as a number between `limits`. Raises ValueError saying what to give."""
    text = options.get(name, str(default))
    smallest, largest = limits
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not smallest <= value <= largest:
        raise ValueError(f"option {name}={text}: give {smallest:g} to {largest:g}")
    return value
