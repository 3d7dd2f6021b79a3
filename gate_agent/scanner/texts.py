"""Puts the texts together that a scan engine sends in pieces, and drops what is none."""

from collections import deque
from collections.abc import Callable
from datetime import timedelta

from access_protocol.credential import PREFIX

LONGEST_TEXT = 4296
"""Characters: no QR code holds more (ISO/IEC 18004, version 40-L, alphanumeric)."""

UNFINISHED_AFTER = timedelta(seconds=1)
"""What was begun and has no end after this much silence is dropped, so that the next text is whole."""

_ENDS = frozenset("\r\n\t\x03")
"""Carriage return, line feed, tabulator, ETX: what makers of scan engines offer as an ending."""
_BEGINNING = "\x02"
"""STX: what came before it was the rest of something."""
_WHOLE = {chr(code) for code in range(0x20, 0x7F)}
_SYMBOLOGY = "]Q"
"""How the identifier of a QR code begins that an engine may send first (ISO/IEC 15424): ]Q1."""
_MOST_WAITING = 32
"""Texts that nobody fetched; the oldest ones go, since a pass is before the reader now or never."""


class Texts:
    """Takes characters, gives whole texts. Moments are seconds of one clock."""

    def __init__(self, *, prefix: str, on_rubbish: Callable[[str], None]) -> None:
        """`prefix` is cut off where the engine sends it; `on_rubbish` hears why something is dropped."""
        self._prefix = prefix
        self._on_rubbish = on_rubbish
        self._begun: list[str] = []
        self._too_long = False
        self._heard_at = 0.0
        self._whole: deque[str] = deque(maxlen=_MOST_WAITING)

    def next(self) -> str | None:
        """The next whole text, or None."""
        return self._whole.popleft() if self._whole else None

    def add(self, characters: str, moment: float) -> None:
        """Take what the engine sent."""
        self.silent(moment)
        self._heard_at = moment
        for character in characters:
            if character in _ENDS:
                self._end()
            elif character == _BEGINNING:
                self._drop()
            elif len(self._begun) < LONGEST_TEXT:
                self._begun.append(character)
            elif not self._too_long:
                self._too_long = True
                self._on_rubbish(f"a text of more than {LONGEST_TEXT} characters")

    def silent(self, moment: float) -> None:
        """Notice that nothing came up to now."""
        if self._begun and moment - self._heard_at > UNFINISHED_AFTER.total_seconds():
            self._on_rubbish(
                "a text without an end: set the engine to send Enter (CR) after each code"
            )
            self._drop()

    def _end(self) -> None:
        text, too_long = "".join(self._begun), self._too_long
        self._drop()
        if not text or too_long:
            return
        text = text.removeprefix(self._prefix)
        if text.startswith(_SYMBOLOGY):
            text = text[len(_SYMBOLOGY) + 1 :]
        if not _WHOLE.issuperset(text):
            self._on_rubbish("characters that are no text: do the engine's settings match ours?")
        elif _is_mistyped(text):
            self._on_rubbish("a pass typed in another layout: is the layout set as the engine's?")
        elif text:
            self._whole.append(text)

    def _drop(self) -> None:
        self._begun.clear()
        self._too_long = False


def _is_mistyped(text: str) -> bool:
    """Whether this was one of our passes before a wrong layout or Caps Lock changed its signs."""
    letters = PREFIX[:-1]
    return text[: len(letters)].upper() == letters and not text.startswith(PREFIX)
