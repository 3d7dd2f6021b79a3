"""The changing code of an entrance as the display draws it: its digits, how long they stand, and the QR code."""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
import zxingcpp
from msgspec import Struct

from access_protocol import entrance_code
from access_protocol.knowledge import EntranceScreen
from access_protocol.wording import Language
from gate_agent.display.screens import MACHINE_IDLE, Mark, Screen, Tone, Words, spoken
from gate_agent.feedback.words import Phrase, say


class Code(Struct, frozen=True):
    """The QR code as an SVG path of `size` modules a side, and for how many milliseconds it stands."""

    path: str
    size: int
    left_ms: int


class Showing(Struct, frozen=True):
    """What stands on a board at rest where a poster hangs: the code, or why there is none."""

    screen: Screen | None = None
    code: Code | None = None
    mark: Mark | None = None

    @property
    def left(self) -> float | None:
        """For how many seconds this stands; None: until something happens."""
        return None if self.code is None else self.code.left_ms / 1000


Showings = Callable[[str], Showing | None]
"""What an access point shows beside its poster; None where none hangs."""
NO_CODE = Showing(mark=Mark("unknown", spoken(Phrase.NO_CODE_MARK)))
"""A code by a clock that is wrong would be refused, and nobody would know why."""


AT_A_MACHINE = Showing(MACHINE_IDLE)
"""What the reader of a vending machine says where no code changes."""


def showing(
    screen: EntranceScreen, now: datetime, *, clock_trusted: bool, at_machine: bool = False
) -> Showing:
    """Return what an access point shows at this time; `at_machine`: it is a vending machine's."""
    if not clock_trusted:
        return Showing(MACHINE_IDLE, mark=NO_CODE.mark) if at_machine else NO_CODE
    code = entrance_code.code_at(screen.key, now)
    half = len(code.digits) // 2
    typed = f"{code.digits[:half]} {code.digits[half:]}"
    phrase = Phrase.MACHINE_ENTRANCE if at_machine else Phrase.ENTRANCE
    words = {language: Words("", (say(phrase, language), typed)) for language in Language}
    path, size = _drawn(screen.address_with(code.digits))
    left = -(-(code.ends - now) // timedelta(milliseconds=1))
    shown = Screen(what="entrance", icon="credential", tone=Tone.PLAIN, words=words)
    return Showing(shown, Code(path, size, left))


def _drawn(address: str) -> tuple[str, int]:
    """Return the QR code as a path of squares, one module wide, and how many modules a side has."""
    made = zxingcpp.create_barcode(  # pyright: ignore[reportUnknownMemberType]
        address, zxingcpp.BarcodeFormat.QRCode, ec_level="M"
    )
    dark = np.asarray(made.to_image(scale=1, add_quiet_zones=False)) == 0
    rows, columns = np.nonzero(dark)
    path = "".join(f"M{x} {y}h1v1h-1z" for y, x in zip(rows, columns, strict=True))
    return path, int(dark.shape[0])
