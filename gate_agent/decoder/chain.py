"""The decoder chain: one reader after the other, cheapest first, until one has read something."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gate_agent.decoder.base import DecoderFailed, DecoderOverran
from gate_agent.decoder.change import Attention, Look
from gate_agent.decoder.prepare import enlarge, halve, lift, lift_and_enlarge, to_gray
from gate_agent.vision import GrayImage, Image

CHAIN_SECONDS = 0.4
"""What one frame may take altogether; an ordinary one takes a tenth of it."""

REST_SECONDS = 5.0
"""How long a reader that overran is left out, so that a poster made to slow it down cannot keep
the gate from reading phones. Doubled when it overruns again soon, to `LONGEST_REST_SECONDS`."""

LONGEST_REST_SECONDS = 60.0


class Decoders(Protocol):
    """Decoders by name, each of which may take a given time; `DecodingProcess` is one."""

    @property
    def decoders(self) -> frozenset[str]:
        """The names it knows."""
        ...

    def read(self, decoder: str, image: GrayImage, seconds: float) -> list[str]:
        """The texts in `image`; raises `DecoderFailed`."""
        ...


def _as_it_is(gray: GrayImage) -> GrayImage:
    return gray


@dataclass(frozen=True)
class Reader:
    """One stage of the chain: a way to prepare the frame, and the decoder that reads it."""

    name: str
    decoder: str
    prepare: Callable[[GrayImage], GrayImage] = _as_it_is
    expensive: bool = True
    """Only for frames that deserve more than a glance."""


READERS: Sequence[Reader] = (
    Reader("zxing", "zxing-dark", expensive=False),
    Reader("zxing-lifted", "zxing", lift),
    Reader("zxing-enlarged", "zxing", lift_and_enlarge),
    Reader("zxing-global", "zxing-global", enlarge),
    Reader("zbar", "zbar", halve),
)


@dataclass(frozen=True)
class Reading:
    """What was read in one frame."""

    texts: tuple[str, ...]
    """All codes that the first successful reader found; more than one is for the rules to judge."""
    reader: str | None
    """The name of that reader; None when no code was read."""
    ms: float
    """Milliseconds from frame to texts."""
    failure: str | None = None
    """Why there is no answer about this frame, when a decoder overran or died."""


class DecoderChain:
    """Reads frames; one instance for each camera, because it remembers the last frame."""

    def __init__(
        self,
        decoders: Decoders,
        *,
        attention: Attention | None = None,
        readers: Sequence[Reader] = READERS,
        seconds: float = CHAIN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without `attention` every frame gets a thorough look."""
        self._decoders = decoders
        self._attention = attention
        self._readers = readers
        self._seconds = seconds
        self._clock = clock
        self._turn = 0
        self._rests: dict[str, tuple[float, float]] = {}

    def read(self, image: Image) -> Reading:
        """Read one frame, grey or BGR. Whatever the picture, this answers within its deadline.

        Raises ValueError for an array that is no picture at all.
        """
        began = self._clock()
        gray = to_gray(image)
        look = Look.THOROUGH if self._attention is None else self._attention.look(gray)
        texts: list[str] = []
        name: str | None = None
        failure: str | None = None
        for reader in self._chosen(look):
            left = began + self._seconds - self._clock()
            if left <= 0:
                failure = "the time for this frame was up"
                break
            try:
                texts = self._decoders.read(reader.decoder, reader.prepare(gray), left)
            except DecoderOverran as why:
                self._send_to_rest(reader)
                failure = f"{reader.name}: {why}"
                break
            except DecoderFailed as why:
                failure = f"{reader.name}: {why}"
                continue
            if texts:
                name, failure = reader.name, None
                break
        return Reading(tuple(texts), name, (self._clock() - began) * 1000, failure)

    def _chosen(self, look: Look) -> list[Reader]:
        """The readers for this frame, in the order of the chain."""
        up = [reader for reader in self._readers if self._is_up(reader)]
        if look is Look.THOROUGH:
            return up
        chosen = [reader for reader in up if not reader.expensive]
        expensive = [reader for reader in up if reader.expensive]
        if look is Look.ONE_MORE and expensive:
            chosen.append(expensive[self._turn % len(expensive)])
            self._turn += 1
        return chosen

    def _is_up(self, reader: Reader) -> bool:
        known = self._decoders.decoders
        if known and reader.decoder not in known:
            return False
        until, _ = self._rests.get(reader.name, (0.0, 0.0))
        return self._clock() >= until

    def _send_to_rest(self, reader: Reader) -> None:
        if not reader.expensive:
            return  # without the first reader there is no gate; the restarted process tries again
        now = self._clock()
        until, before = self._rests.get(reader.name, (float("-inf"), 0.0))
        lately = now - until < LONGEST_REST_SECONDS
        rest = min(before * 2, LONGEST_REST_SECONDS) if lately else REST_SECONDS
        self._rests[reader.name] = (now + rest, rest)
