"""Which character each key of a keyboard means, for the layouts that scan engines imitate.

Keys are numbered as the Linux kernel numbers them (KEY_… in linux/input-event-codes.h). What they
mean is as xkeyboard-config (MIT licence) 2.35 has it; a test holds these tables against it where it is
installed. Base45 needs more than letters and digits: space $ % * + - . / and :
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_ROWS = (
    41,
    *range(2, 14),  # the digits' row, to the left of backspace
    *range(16, 28),
    *range(30, 41),
    43,  # left of Enter, or above it
    86,  # beside the left shift key, which not every keyboard has
    *range(44, 54),
    89,  # Japanese keyboards: beside the right shift key
    124,  # Japanese keyboards: left of backspace
)
"""The keys in the order in which the tables give their characters."""

_NOTHING = "␀"
"""In a table: a dead key, or none at all."""

_KEYPAD = dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True)) | {
    55: "*",
    74: "-",
    78: "+",
    98: "/",
}

ENDS = frozenset({28, 96, 15})
"""Enter, Enter on the number pad, and Tab: what an engine sends after a text."""
SHIFT = frozenset({42, 54})
ALT_GR = 100
CAPS_LOCK = 58
SILENT = frozenset({29, 97, 56, 125, 126, 69, 70})
"""Control, Alt, the logo keys, Num Lock and Scroll Lock: they write nothing by themselves."""


@dataclass(frozen=True)
class Layout:
    """What the keys of one layout write: alone, with Shift, and with AltGr."""

    plain: Mapping[int, str]
    shifted: Mapping[int, str]
    alt_gr: Mapping[int, str] = field(default_factory=dict[int, str])


def _layout(plain: str, shifted: str, *, point: str, alt_gr: Mapping[int, str]) -> Layout:
    common = _KEYPAD | {57: " ", 83: point, 121: "."}
    return Layout(_row(plain) | common, _row(shifted) | common, alt_gr)


def _row(characters: str) -> dict[int, str]:
    return {
        key: character
        for key, character in zip(_ROWS, characters, strict=True)
        if character != _NOTHING
    }


LAYOUTS: Mapping[str, Layout] = {
    "us": _layout(
        "`1234567890-=qwertyuiop[]asdfghjkl;'\\<zxcvbnm,./␀␀",
        '~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"|>ZXCVBNM<>?␀␀',
        point=".",
        alt_gr={86: "|"},
    ),
    "jp": _layout(
        "␀1234567890-^qwertyuiop@[asdfghjkl;:]<zxcvbnm,./\\\\",
        "␀!\"#$%&'()~=~QWERTYUIOP`{ASDFGHJKL+*}>ZXCVBNM<>?_|",
        point=".",
        alt_gr={86: "|"},
    ),
    "de": _layout(
        "␀1234567890ß␀qwertzuiopü+asdfghjklöä#<yxcvbnm,.-␀␀",
        "°!\"§$%&/()=?␀QWERTZUIOPÜ*ASDFGHJKLÖÄ'>YXCVBNM;:_␀␀",
        point=",",
        alt_gr={8: "{", 9: "[", 10: "]", 11: "}", 12: "\\", 16: "@", 27: "~", 86: "|"},
    ),
    "fr": _layout(
        "²&é\"'(-è_çà)=azertyuiop␀$qsdfghjklmù*<wxcvbn,;:!␀␀",
        "~1234567890°+AZERTYUIOP␀£QSDFGHJKLM%µ>WXCVBN?./§␀␀",
        point=".",
        alt_gr={
            3: "~",
            4: "#",
            5: "{",
            6: "[",
            7: "|",
            8: "`",
            9: "\\",
            10: "^",
            11: "@",
            12: "]",
            13: "}",
            30: "@",
            86: "|",
        },
    ),
}
