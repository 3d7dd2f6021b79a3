"""What a reader reads with: a camera and its decoder, or a scan engine that hands out texts."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from gate_agent.camera import Camera, CameraSpecification, Frame, camera_for
from gate_agent.camera.freshness import Freshness
from gate_agent.decoder.chain import DecoderChain
from gate_agent.health import ReaderGauge
from gate_agent.logs import Log
from gate_agent.scanner import Scanner, ScannerSpecification, is_scanner, scanner_for
from gate_agent.source import Source, Wait

_Seen = TypeVar("_Seen")

log = Log(__name__)


class Eyes(Protocol[_Seen]):
    """A kind of device and how to read what it brings."""

    @property
    def name(self) -> str:
        """What people call the device."""
        ...

    def make(self) -> Source[_Seen]:
        """A new instance of the device, not opened."""
        ...

    def is_new(self, seen: _Seen) -> bool:
        """Whether to read `seen`. Raises `SourceLost` to have the device opened anew."""
        ...

    def texts(self, seen: _Seen) -> tuple[str, ...]:
        """The texts of the codes in `seen`, all that stood before the reader at once."""
        ...


class CameraEyes:
    """Reads a camera's frames with the decoder chain."""

    name = "camera"

    def __init__(
        self,
        make_camera: Callable[[], Camera],
        chain: DecoderChain,
        gauge: ReaderGauge,
        *,
        freshness: Freshness | None = None,
    ) -> None:
        """`freshness` for a living camera, whose picture always changes a little."""
        self.make = make_camera
        self._chain = chain
        self._gauge = gauge
        self._freshness = freshness

    def is_new(self, seen: Frame) -> bool:
        """See `Eyes.is_new`."""
        return self._freshness is None or self._freshness.is_new(seen)

    def texts(self, seen: Frame) -> tuple[str, ...]:
        """See `Eyes.texts`."""
        reading = self._chain.read(seen.image)
        self._gauge.frame(reading.ms)
        if reading.failure is not None:
            log.warning("not_decoded", access_point=self._gauge.point, why=reading.failure)
        return reading.texts


class ScannerEyes:
    """Takes the texts of a scan engine as they are; each is one code that was held before it."""

    name = "scanner"

    def __init__(self, make_scanner: Callable[[], Scanner]) -> None:
        self.make = make_scanner

    def is_new(self, seen: str | None) -> bool:
        """See `Eyes.is_new`; a scan engine that has nothing to say works too."""
        return True

    def texts(self, seen: str | None) -> tuple[str, ...]:
        """See `Eyes.texts`."""
        return () if seen is None else (seen,)


def camera_eyes(
    given: str | Camera,
    chain: DecoderChain,
    gauge: ReaderGauge,
    *,
    wait: Wait,
    moment: Callable[[], float] = time.monotonic,
) -> CameraEyes:
    """Eyes with the camera that `given` specifies, or is. Raises ValueError."""
    if not isinstance(given, str):
        return CameraEyes(lambda: given, chain, gauge)
    specification = CameraSpecification.parse(given)
    still = specification.still_after
    return CameraEyes(
        lambda: camera_for(specification, wait=wait),
        chain,
        gauge,
        freshness=None if still is None else Freshness(still_after=still, moment=moment),
    )


def scanner_eyes(text: str, *, on_rubbish: Callable[[str], None]) -> ScannerEyes:
    """Eyes with the scan engine that `text` specifies. Raises ValueError.

    `on_rubbish` is told, in a few words, of what came and is no text.
    """
    specification = ScannerSpecification.parse(text)
    return ScannerEyes(lambda: scanner_for(specification, on_rubbish=on_rubbish))


def shown(text: str) -> str:
    """A specification as it may stand in logs and on screens: without passwords. Raises ValueError."""
    if is_scanner(text):
        return text
    return CameraSpecification.parse(text).shown
