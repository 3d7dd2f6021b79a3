"""A serial scan engine, over a pseudo-terminal."""

import os
import pty
from collections.abc import Iterator
from pathlib import Path

import pytest

from gate_agent.scanner import Scanner, ScannerSpecification, scanner_for
from gate_agent.source import SourceLost

PASS = "GK1:6BFOXN%TSMAHN-HRDD8R0 HJV7:8P*U0-3DW98KWXG7"
READS = 200


class Line:
    """A scan engine's cable; `device` is the lasting name that points to where it is plugged in."""

    def __init__(self, folder: Path) -> None:
        self.device = folder / "usb-Engine"
        self.rubbish: list[str] = []
        self._ends: list[int] = []

    def plug_in(self) -> None:
        self._ends = list(pty.openpty())
        self.device.unlink(missing_ok=True)
        self.device.symlink_to(os.ttyname(self._ends[1]))

    def unplug(self) -> None:
        for end in self._ends:
            os.close(end)
        self._ends = []

    def send(self, content: bytes) -> None:
        assert os.write(self._ends[0], content) == len(content)

    def scanner(self, options: str = "") -> Scanner:
        return scanner_for(
            ScannerSpecification.parse(f"serial:{self.device}{options}"),
            on_rubbish=self.rubbish.append,
        )


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path)
    line.plug_in()
    yield line
    line.unplug()


def next_text(scanner: Scanner) -> str:
    for _ in range(READS):
        if (text := scanner.read()) is not None:
            return text
    raise AssertionError("no text came")


def read_to_the_end(scanner: Scanner) -> None:
    for _ in range(READS):
        scanner.read()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_what_the_engine_sends_is_read(line: Line, end: bytes) -> None:
    scanner = line.scanner("?baud=9600")
    scanner.open()

    line.send(PASS.encode() + end)
    assert next_text(scanner) == PASS
    line.send(PASS.encode() + end + b"SECOND" + end)
    assert [next_text(scanner), next_text(scanner)] == [PASS, "SECOND"]
    scanner.close()


def test_a_silent_engine_gives_nothing_and_is_not_lost(line: Line) -> None:
    scanner = line.scanner()
    scanner.open()

    assert scanner.read() is None
    assert scanner.read() is None
    scanner.close()


def test_a_prefix_is_cut_off(line: Line) -> None:
    scanner = line.scanner("?prefix=QR")
    scanner.open()

    line.send(b"QR" + PASS.encode() + b"\r")

    assert next_text(scanner) == PASS
    scanner.close()


@pytest.mark.parametrize(
    "rubbish",
    [bytes(range(256)) + b"\r", b"\xff" * 3000 + b"\r", b"A" * 4000 + b"A" * 1000 + b"\r\n"],
    ids=["every byte", "a line without power", "too long"],
)
def test_after_rubbish_the_next_pass_is_read(line: Line, rubbish: bytes) -> None:
    scanner = line.scanner()
    scanner.open()
    for start in range(0, len(rubbish), 1000):
        line.send(rubbish[start : start + 1000])
        scanner.read()

    line.send(b"\r" + PASS.encode() + b"\r")

    while next_text(scanner) != PASS:
        pass
    assert line.rubbish
    scanner.close()


def test_an_engine_that_is_unplugged_is_lost_and_read_again_when_it_is_back(line: Line) -> None:
    scanner = line.scanner()
    scanner.open()
    line.send(b"GK1:HALF OF A")
    scanner.read()
    line.unplug()

    with pytest.raises(SourceLost, match="is gone"):
        read_to_the_end(scanner)
    scanner.close()
    with pytest.raises(SourceLost, match=r"is it plugged in.*dialout"):
        scanner.open()

    line.plug_in()
    scanner.open()
    line.send(PASS.encode() + b"\r")
    assert next_text(scanner) == PASS
    scanner.close()


def test_what_was_sent_while_nobody_listened_is_not_read_later(line: Line) -> None:
    line.send(b"GK1:OLD\r")
    scanner = line.scanner()
    scanner.open()
    line.send(PASS.encode() + b"\r")

    assert next_text(scanner) == PASS
    scanner.close()


def test_two_readers_cannot_have_the_same_engine(line: Line) -> None:
    first, second = line.scanner(), line.scanner()
    first.open()

    with pytest.raises(SourceLost, match="does no other program use it"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_one_that_is_no_serial_line_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("GK1:A\r")
    scanner = scanner_for(
        ScannerSpecification.parse(f"serial:{file}"), on_rubbish=list[str]().append
    )

    with pytest.raises(SourceLost, match="cannot be opened"):
        scanner.open()
    with pytest.raises(SourceLost, match="not open"):
        scanner.read()
    scanner.close()
