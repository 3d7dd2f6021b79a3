"""A scan engine that types: the key strokes that Linux would hand out for a text."""

import struct
from collections.abc import Iterable

from gate_agent.scanner.layouts import ALT_GR, Layout

SHIFT_KEY, ENTER = 42, 28
EVENT = struct.Struct("@llHHi")


def event(kind: int, code: int, value: int) -> bytes:
    return EVENT.pack(1_775_034_000, 123_456, kind, code, value)


def stroke(key: int, *, held: int | None = None) -> bytes:
    """A key pressed and released, with its scan code before and a report after, as the kernel sends it."""
    pressed = b"".join(
        (event(4, 4, 458_756), event(1, key, 1), event(0, 0, 0), event(1, key, 0), event(0, 0, 0))
    )
    if held is None:
        return pressed
    return event(1, held, 1) + event(0, 0, 0) + pressed + event(1, held, 0) + event(0, 0, 0)


def typed(text: str, layout: Layout, *, end: int = ENTER) -> bytes:
    """The events of an engine with `layout` that read `text`."""
    return b"".join((*_strokes(text, layout), stroke(end)))


def _strokes(text: str, layout: Layout) -> Iterable[bytes]:
    for character in text:
        for keys, held in (
            (layout.plain, None),
            (layout.shifted, SHIFT_KEY),
            (layout.alt_gr, ALT_GR),
        ):
            # The number pad's keys come last in a table; engines use the others.
            key = next((key for key, written in keys.items() if written == character), None)
            if key is not None:
                yield stroke(key, held=held)
                break
        else:
            raise ValueError(f"this keyboard cannot type {character!r}")
