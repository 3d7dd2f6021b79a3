"""What may be written where a scan engine is named."""

import pytest

from gate_agent.scanner import ScannerSpecification, is_scanner, scanner_for
from gate_agent.scanner.keyboard import KeyboardScanner
from gate_agent.scanner.serial_engine import SerialScanner


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serial:/dev/ttyACM0", ScannerSpecification("serial", "/dev/ttyACM0")),
        (
            "serial:/dev/ttyS0?baud=9600&prefix=QR",
            ScannerSpecification("serial", "/dev/ttyS0", baud=9600, prefix="QR"),
        ),
        (
            "hid:/dev/input/by-id/usb-X-event-kbd?layout=jp",
            ScannerSpecification("hid", "/dev/input/by-id/usb-X-event-kbd", layout="jp"),
        ),
        ("hid:/dev/input/event3", ScannerSpecification("hid", "/dev/input/event3")),
    ],
)
def test_a_specification_is_taken_apart(text: str, expected: ScannerSpecification) -> None:
    assert is_scanner(text)
    assert ScannerSpecification.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "give serial:"),
        ("serial:", "give serial:"),
        ("serial:ttyACM0", "give serial:"),
        ("usb:/dev/ttyACM0", "give serial:"),
        ("serial:/dev/ttyACM0?layout=jp", "no such option: layout"),
        ("serial:/dev/ttyACM0?baud=fast", "baud=fast"),
        ("serial:/dev/ttyACM0?baud=1", "baud=1"),
        ("serial:/dev/ttyACM0?prefix=" + "A" * 17, "16 characters"),
        ("hid:/dev/input/event3?layout=dvorak", "choose from us, jp, de, fr"),
        ("hid:/dev/input/event3?baud=9600", "no such option: baud"),
    ],
)
def test_a_specification_that_names_no_scanner_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ScannerSpecification.parse(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("serial:/dev/ttyACM0", SerialScanner), ("hid:/dev/input/event3", KeyboardScanner)],
)
def test_each_kind_has_its_scanner(text: str, kind: type) -> None:
    scanner = scanner_for(ScannerSpecification.parse(text), on_rubbish=list[str]().append)
    assert isinstance(scanner, kind)


def test_a_camera_is_no_scanner() -> None:
    assert not is_scanner("0")
    assert not is_scanner("stream:rtsp://camera/")
