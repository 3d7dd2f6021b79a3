"""A scan engine on a serial line, or on USB as one (CDC-ACM, "USB virtual COM port")."""

import time
from collections.abc import Callable

import serial

from gate_agent.scanner.texts import Texts
from gate_agent.source import SourceLost

READ_WITHIN_S = 0.25
"""How long a read waits for the engine; it is silent until a code is held before it."""

_AT_ONCE = 4096


class SerialScanner:
    """Texts from a serial line: eight bits, no parity, one stop bit."""

    def __init__(
        self,
        device: str,
        *,
        baud: int,
        prefix: str = "",
        on_rubbish: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`device` is a path such as /dev/serial/by-id/usb-…; `clock` counts seconds."""
        self._device = device
        self._baud = baud
        self._clock = clock
        self._new_texts = lambda: Texts(prefix=prefix, on_rubbish=on_rubbish)
        self._texts = self._new_texts()
        self._line: serial.Serial | None = None

    def open(self) -> None:
        """See `Source.open`."""
        self.close()
        self._texts = self._new_texts()
        try:
            self._line = serial.Serial(
                self._device, self._baud, timeout=READ_WITHIN_S, exclusive=True
            )
            # What came while nobody listened was held before the reader long ago.
            self._line.reset_input_buffer()
        except (OSError, ValueError) as why:
            self.close()
            raise SourceLost(
                f"scanner {self._device} cannot be opened: is it plugged in, does no other program "
                f"use it, and is this user in the group 'dialout'? ({_why(why)})"
            ) from None

    def read(self) -> str | None:
        """The next text, or None where none came for a while. Raises `SourceLost`."""
        if self._line is None:
            raise SourceLost(f"scanner {self._device} is not open")
        if (text := self._texts.next()) is not None:
            return text
        try:
            # Waits for one byte and takes what came with it.
            came = self._line.read(max(1, min(self._line.in_waiting, _AT_ONCE)))
        except (OSError, TypeError) as why:  # TypeError: pyserial's, when it is closed meanwhile
            raise SourceLost(f"scanner {self._device} is gone ({_why(why)})") from None
        if came:
            self._texts.add(came.decode("latin-1"), self._clock())
        else:
            self._texts.silent(self._clock())
        return self._texts.next()

    def close(self) -> None:
        """See `Source.close`."""
        if self._line is not None:
            self._line.close()
            self._line = None


def _why(why: Exception) -> str:
    return getattr(why, "strerror", None) or str(why)
