"""The tables of the layouts are those of xkeyboard-config, by the library that every desktop uses."""

import ctypes
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from gate_agent.scanner.layouts import LAYOUTS

XKB_OFFSET = 8
"""X's key codes are the kernel's plus eight."""
WRITING_KEYS = [*range(2, 14), *range(16, 28), *range(30, 42), 43, *range(44, 54), 57, 86, 89, 124]
KEYPAD = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}
ALONE, SHIFTED, ALT_GR = range(3)


class _Names(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_char_p) for name in ("rules", "model", "layout", "variant", "options")
    ]


class Keymap:
    """A layout as libxkbcommon has it."""

    def __init__(self, library: ctypes.CDLL, keymap: int) -> None:
        self._library = library
        self._keymap = keymap

    def writes(self, key: int, level: int) -> str:
        """The character of a key, or nothing for a dead one and for none."""
        symbols = ctypes.POINTER(ctypes.c_uint32)()
        count = self._library.xkb_keymap_key_get_syms_by_level(
            ctypes.c_void_p(self._keymap), key + XKB_OFFSET, 0, level, ctypes.byref(symbols)
        )
        code = self._library.xkb_keysym_to_utf32(symbols[0]) if count == 1 else 0
        return chr(code) if code > 0x1F else ""


@contextmanager
def keymap_of(layout: str) -> Generator[Keymap]:
    try:
        library = ctypes.CDLL("libxkbcommon.so.0")
    except OSError:
        pytest.skip("libxkbcommon is not installed; browsers bring it")
    library.xkb_context_new.restype = library.xkb_keymap_new_from_names.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.xkb_context_new(0))
    names = _Names(b"evdev", b"pc105", layout.encode(), b"", b"")
    keymap = library.xkb_keymap_new_from_names(context, ctypes.byref(names), 0)
    assert keymap, "xkb-data is not installed"
    yield Keymap(library, keymap)
    library.xkb_keymap_unref(ctypes.c_void_p(keymap))
    library.xkb_context_unref(context)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_key_writes_what_xkeyboard_config_says(layout: str) -> None:
    table = LAYOUTS[layout]
    with keymap_of(layout) as keymap:
        for key in WRITING_KEYS:
            assert table.plain.get(key, "") == keymap.writes(key, ALONE), key
            if key != 57:  # with Shift a space is a space
                assert table.shifted.get(key, "") == keymap.writes(key, SHIFTED), key
            third = keymap.writes(key, ALT_GR)
            assert table.alt_gr.get(key, "") == (third if third.isascii() else ""), key
        for key, digit in KEYPAD.items():
            assert table.plain[key] == keymap.writes(key, SHIFTED) == digit  # as with Num Lock
