"""A scan engine that types: it calls itself a keyboard, and Linux hands out its key strokes.

The strokes are read as the kernel sends them (struct input_event in linux/input.h), so that no library
has to be compiled on the gate. The device is taken for this program alone: nothing that is held
before the reader is typed into a terminal or a browser.
"""

import fcntl
import os
import select
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gate_agent.scanner.layouts import ALT_GR, CAPS_LOCK, ENDS, SHIFT, SILENT, Layout
from gate_agent.scanner.texts import Texts
from gate_agent.source import SourceLost

EVENT = struct.Struct("@llHHi")
"""Seconds and microseconds, type, code, value: in the machine's own sizes and order."""

EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
RELEASED, PRESSED, HELD = 0, 1, 2
EVIOCGRAB = 0x40044590

READ_WITHIN_S = 0.25
_EVENTS_AT_ONCE = 256
_UNKNOWN = "\ufffd"
"""For a key that the layout does not know: the text is dropped, not shortened."""


def grab(descriptor: int) -> None:
    """Take the input device for this program alone. Raises OSError."""
    fcntl.ioctl(descriptor, EVIOCGRAB, 1)


@dataclass
class Keys:
    """Turns key strokes into characters, as a keyboard of one layout does."""

    layout: Layout
    _held: set[int] = field(default_factory=set[int])
    _caps_lock: bool = False

    def character(self, key: int, value: int) -> str:
        """What a stroke writes: a character, a line's end, or nothing."""
        if value == RELEASED:
            self._held.discard(key)
            return ""
        if key in SHIFT or key == ALT_GR:
            self._held.add(key)
            return ""
        if key == CAPS_LOCK:
            self._caps_lock ^= value == PRESSED
            return ""
        if key in SILENT or value != PRESSED:
            return ""  # an engine never holds a key down; a repeated one is a stroke lost
        return "\n" if key in ENDS else self._written(key)

    def _written(self, key: int) -> str:
        if ALT_GR in self._held:
            return self.layout.alt_gr.get(key, _UNKNOWN)
        shifted = bool(self._held & SHIFT)
        character = (self.layout.shifted if shifted else self.layout.plain).get(key, _UNKNOWN)
        if self._caps_lock and character.isalpha():
            return character.swapcase()
        return character


class KeyboardScanner:
    """Texts from an input device such as /dev/input/by-id/usb-…-event-kbd."""

    def __init__(
        self,
        device: str,
        layout: Layout,
        *,
        prefix: str = "",
        on_rubbish: Callable[[str], None],
        take: Callable[[int], None] = grab,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`take` makes the open device this program's alone; `clock` counts seconds."""
        self._device = Path(device)
        self._layout = layout
        self._prefix = prefix
        self._on_rubbish = on_rubbish
        self._take = take
        self._clock = clock
        self._keys = Keys(layout)
        self._texts = self._new_texts()
        self._descriptor: int | None = None
        self._rest = b""

    def open(self) -> None:
        """See `Source.open`."""
        self.close()
        self._keys, self._texts, self._rest = Keys(self._layout), self._new_texts(), b""
        try:
            self._descriptor = os.open(self._device, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._take(self._descriptor)
        except OSError as why:
            self.close()
            raise SourceLost(
                f"scanner {self._device} cannot be opened: is it plugged in, does no other program "
                f"use it, and is this user in the group 'input'? ({why.strerror})"
            ) from None

    def read(self) -> str | None:
        """The next text, or None where none came for a while. Raises `SourceLost`."""
        if self._descriptor is None:
            raise SourceLost(f"scanner {self._device} is not open")
        if (text := self._texts.next()) is not None:
            return text
        readable, _, _ = select.select([self._descriptor], [], [], READ_WITHIN_S)
        if not readable:
            self._texts.silent(self._clock())
            return None
        try:
            came = os.read(self._descriptor, EVENT.size * _EVENTS_AT_ONCE)
        except BlockingIOError:
            return None
        except OSError as why:
            raise SourceLost(f"scanner {self._device} is gone ({why.strerror})") from None
        if not came:
            raise SourceLost(f"scanner {self._device} is gone")
        self._type(self._rest + came)
        return self._texts.next()

    def close(self) -> None:
        """See `Source.close`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _type(self, events: bytes) -> None:
        whole = len(events) - len(events) % EVENT.size
        self._rest = events[whole:]
        for _, _, kind, code, value in EVENT.iter_unpack(events[:whole]):
            if kind == EV_KEY:
                character = self._keys.character(code, value)
            elif kind == EV_SYN and code == SYN_DROPPED:
                # The kernel's queue ran over: strokes are missing here, and releases too.
                character, self._keys = _UNKNOWN, Keys(self._layout)
            else:
                continue
            if character:
                self._texts.add(character, self._clock())

    def _new_texts(self) -> Texts:
        return Texts(prefix=self._prefix, on_rubbish=self._on_rubbish)
