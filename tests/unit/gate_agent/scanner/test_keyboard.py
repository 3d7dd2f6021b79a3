"""A scan engine that types, by the events that Linux hands out for it.

They come through a named pipe here: there is no input device on a machine without a console, so that
taking one for itself (EVIOCGRAB) was never run on a real one.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate_agent.scanner.keyboard import EVIOCGRAB, KeyboardScanner, Keys, grab
from gate_agent.scanner.layouts import LAYOUTS
from gate_agent.source import SourceLost
from tests.fakes.typist import ENTER, event, stroke, typed

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0 HJV7:8P*U0-3DW98KWXG7/$+."
READS = 200


class Cable:
    """The engine's input device, and what this test types on it."""

    def __init__(self, folder: Path) -> None:
        self.device = folder / "usb-Engine-event-kbd"
        self.taken: list[int] = []
        self.rubbish: list[str] = []
        self.now = 100.0
        self._end: int | None = None
        os.mkfifo(self.device)

    def plug_in(self) -> None:
        self._end = os.open(self.device, os.O_RDWR)

    def unplug(self) -> None:
        if self._end is not None:
            os.close(self._end)
        self._end = None

    def type(self, events: bytes) -> None:
        assert self._end is not None
        assert os.write(self._end, events) == len(events)

    def scanner(self, layout: str = "us") -> KeyboardScanner:
        return KeyboardScanner(
            str(self.device),
            LAYOUTS[layout],
            on_rubbish=self.rubbish.append,
            take=self.taken.append,
            clock=lambda: self.now,
        )


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path)
    cable.plug_in()
    yield cable
    cable.unplug()


def next_text(scanner: KeyboardScanner) -> str:
    for _ in range(READS):
        if (text := scanner.read()) is not None:
            return text
    raise AssertionError("no text came")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_an_engine_types_is_read_with_its_layout(cable: Cable, layout: str) -> None:
    scanner = cable.scanner(layout)
    scanner.open()

    cable.type(typed(PASS, LAYOUTS[layout]))

    assert next_text(scanner) == PASS
    assert len(cable.taken) == 1
    scanner.close()


@pytest.mark.parametrize(
    ("layout", "strokes", "text"),
    [
        ("us", [(42, 39), (42, 5), (None, 57), (42, 6), (42, 9)], ":$ %*"),
        ("jp", [(None, 40), (42, 5), (42, 40), (42, 39), (None, 12)], ":$*+-"),
        ("de", [(42, 52), (42, 5), (42, 27), (None, 27), (None, 53)], ":$*+-"),
        ("de", [(42, 21), (None, 44), (42, 8)], "Zy/"),
        ("fr", [(None, 52), (None, 27), (42, 40), (42, 13), (None, 7)], ":$%+-"),
        ("fr", [(42, 2), (42, 11), (42, 51), (42, 52), (42, 16)], "10./A"),
    ],
)
def test_the_keys_of_each_layout_write_what_its_keyboards_say(
    layout: str, strokes: list[tuple[int | None, int]], text: str
) -> None:
    keys, written = Keys(LAYOUTS[layout]), ""
    for held, key in strokes:
        if held is not None:
            keys.character(held, 1)
        written += keys.character(key, 1)
        keys.character(key, 0)
        if held is not None:
            keys.character(held, 0)
    assert written == text


@settings(deadline=None)
@given(st.sampled_from(sorted(LAYOUTS)), st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"))
def test_every_layout_can_type_every_sign_of_a_pass(layout: str, text: str) -> None:
    keys, written = Keys(LAYOUTS[layout]), ""
    sent = typed(text, LAYOUTS[layout])
    for start in range(0, len(sent), 24):
        if int.from_bytes(sent[start + 16 : start + 18], "little") == 1:
            code = int.from_bytes(sent[start + 18 : start + 20], "little")
            value = int.from_bytes(sent[start + 20 : start + 24], "little")
            written += keys.character(code, value)
    assert written == f"{text}\n"


def test_digits_from_the_number_pad_and_its_enter_are_read(cable: Cable) -> None:
    scanner = cable.scanner()
    scanner.open()

    cable.type(stroke(79) + stroke(80) + stroke(78) + stroke(96))

    assert next_text(scanner) == "12+"
    scanner.close()


def test_caps_lock_turns_letters_round_and_nothing_else(cable: Cable) -> None:
    scanner = cable.scanner()
    scanner.open()

    cable.type(stroke(58) + stroke(30) + stroke(30, held=42) + stroke(2) + stroke(58))
    cable.type(stroke(30) + stroke(ENTER))

    assert next_text(scanner) == "Aa1a"
    scanner.close()


def test_a_layout_that_is_not_the_engines_is_named_and_nothing_is_read(cable: Cable) -> None:
    scanner = cable.scanner("us")
    scanner.open()

    cable.type(typed(PASS, LAYOUTS["jp"]))
    cable.type(typed("OVER", LAYOUTS["us"]))

    assert next_text(scanner) == "OVER"
    assert "layout" in cable.rubbish[0]
    scanner.close()


def test_a_key_that_the_layout_does_not_know_spoils_the_text_instead_of_shortening_it(
    cable: Cable,
) -> None:
    scanner = cable.scanner()
    scanner.open()

    cable.type(stroke(30) + stroke(183) + typed("B", LAYOUTS["us"]) + typed("C", LAYOUTS["us"]))

    assert next_text(scanner) == "c".upper()
    assert len(cable.rubbish) == 1
    scanner.close()


def test_strokes_that_the_kernel_lost_spoil_the_text_and_leave_no_key_held(cable: Cable) -> None:
    scanner = cable.scanner()
    scanner.open()

    cable.type(event(1, 42, 1) + stroke(30) + event(0, 3, 0) + stroke(30) + stroke(ENTER))
    cable.type(typed("a", LAYOUTS["us"]))

    assert next_text(scanner) == "a"
    assert len(cable.rubbish) == 1
    scanner.close()


def test_events_that_come_in_pieces_are_put_together(cable: Cable) -> None:
    scanner = cable.scanner()
    scanner.open()
    events = typed("AB", LAYOUTS["us"])

    read: list[str | None] = []
    for start in range(0, len(events), 7):
        cable.type(events[start : start + 7])
        read.append(scanner.read())

    assert [text for text in read if text is not None] == ["AB"]
    scanner.close()


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_whatever_events_come_nothing_breaks(events: bytes) -> None:
    scanner = KeyboardScanner("/nowhere", LAYOUTS["jp"], on_rubbish=list[str]().append)
    scanner._type(events)
    assert len(scanner._rest) < 24


def test_a_text_without_enter_is_dropped_and_said(cable: Cable) -> None:
    scanner = cable.scanner()
    scanner.open()
    cable.type(stroke(30))
    assert scanner.read() is None

    cable.now += 2
    assert scanner.read() is None

    assert "send Enter" in cable.rubbish[0]
    scanner.close()


def test_an_engine_that_is_unplugged_is_lost_and_read_again_when_it_is_back(cable: Cable) -> None:
    scanner = cable.scanner()
    scanner.open()
    cable.type(stroke(30))
    scanner.read()
    cable.unplug()
    with pytest.raises(SourceLost, match="is gone"):
        scanner.read()
    scanner.close()
    cable.device.rename(cable.device.with_name("away"))
    with pytest.raises(SourceLost, match=r"is it plugged in.*'input'"):
        scanner.open()

    cable.device.with_name("away").rename(cable.device)
    cable.plug_in()
    scanner.open()
    cable.type(typed("B", LAYOUTS["us"]))
    assert next_text(scanner) == "B"
    scanner.close()


def test_a_device_that_cannot_be_taken_for_this_program_alone_is_not_read(cable: Cable) -> None:
    scanner = KeyboardScanner(
        str(cable.device), LAYOUTS["us"], on_rubbish=list[str]().append, take=grab
    )

    with pytest.raises(SourceLost, match="cannot be opened"):
        scanner.open()
    with pytest.raises(SourceLost, match="not open"):
        scanner.read()


def test_the_request_to_take_a_device_is_the_kernels() -> None:
    # _IOW('E', 0x90, int) of linux/input.h, put together as asm-generic/ioctl.h does it.
    assert 1 << 30 | 4 << 16 | ord("E") << 8 | 0x90 == EVIOCGRAB
    with pytest.raises(OSError, match="ioctl"), Path("/dev/null").open("rb") as null:
        fcntl.ioctl(null.fileno(), EVIOCGRAB, 1)
