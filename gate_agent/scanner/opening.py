"""From a scan engine's specification, as written in the settings, to the scan engine.

================================================  ==================================================
``serial:/dev/serial/by-id/usb-…``                on a serial line, or on USB as one
``serial:/dev/ttyS0?baud=9600``                   at another speed than 115200
``hid:/dev/input/by-id/usb-…-event-kbd?layout=jp``  one that types: its layout is us, jp, de or fr
``…?prefix=QR``                                   what the engine sends before each text, cut off
================================================  ==================================================
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias

from gate_agent.scanner.keyboard import KeyboardScanner
from gate_agent.scanner.layouts import LAYOUTS
from gate_agent.source import Source, number_in, options_in

Scanner: TypeAlias = Source[str | None]
"""Gives one text for each code held before it, and None now and then while there is none."""

BAUD = 115_200

_OPTIONS = {"serial": {"baud", "prefix"}, "hid": {"layout", "prefix"}}
_BAUD_LIMITS = (300, 4_000_000)
_LONGEST_PREFIX = 16


def is_scanner(text: str) -> bool:
    """Whether `text` specifies a scan engine rather than a camera."""
    return text.partition(":")[0] in _OPTIONS


@dataclass(frozen=True)
class ScannerSpecification:
    """A scan engine's specification, taken apart and checked."""

    kind: str
    """serial or hid."""
    device: str
    """The path of the device."""
    baud: int = BAUD
    layout: str = "us"
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take `text` apart. Raises ValueError saying what to write instead."""
        kind, _, rest = text.partition(":")
        device, _, query = rest.partition("?")
        if kind not in _OPTIONS or not device.startswith("/"):
            raise ValueError(
                f"scanner '{text}' is not known: give serial:/dev/serial/by-id/… or "
                "hid:/dev/input/by-id/…?layout=jp"
            )
        options = options_in(query, _OPTIONS[kind], f"scanner '{text}'")
        layout, prefix = options.get("layout", "us"), options.get("prefix", "")
        if layout not in LAYOUTS:
            raise ValueError(f"option layout={layout}: choose from {', '.join(LAYOUTS)}")
        if len(prefix) > _LONGEST_PREFIX:
            raise ValueError(f"option prefix={prefix}: give {_LONGEST_PREFIX} characters at most")
        baud = int(number_in(options, "baud", BAUD, _BAUD_LIMITS))
        return cls(kind, device, baud=baud, layout=layout, prefix=prefix)


def scanner_for(
    specification: ScannerSpecification,
    *,
    on_rubbish: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Scanner:
    """The scan engine that `specification` names, not opened yet.

    `on_rubbish` is told, in a few words, of what came and is no text.
    """
    if specification.kind == "serial":
        from gate_agent.scanner.serial_engine import (  # noqa: PLC0415 - few gates have one
            SerialScanner,
        )

        return SerialScanner(
            specification.device,
            baud=specification.baud,
            prefix=specification.prefix,
            on_rubbish=on_rubbish,
            clock=clock,
        )
    return KeyboardScanner(
        specification.device,
        LAYOUTS[specification.layout],
        prefix=specification.prefix,
        on_rubbish=on_rubbish,
        clock=clock,
    )
