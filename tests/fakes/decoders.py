"""Decoders that answer as told, take the time they are told, and record what they were shown."""

from collections.abc import Mapping

from gate_agent.decoder.base import DecoderFailed
from gate_agent.vision import GrayImage
from tests.fakes.pacing import FakeTime

ALL_DECODERS = frozenset({"zxing", "zxing-dark", "zxing-global", "zbar"})


class FakeDecoders:
    """Answers from `answers`, by decoder and, where it matters, by the width of the picture."""

    def __init__(
        self,
        answers: Mapping[str | tuple[str, int], list[str] | DecoderFailed] | None = None,
        *,
        time: FakeTime | None = None,
        takes: float = 0.001,
        decoders: frozenset[str] = ALL_DECODERS,
    ) -> None:
        self.answers = dict(answers or {})
        self.decoders = decoders
        self.asked: list[tuple[str, int]] = []
        self.allowed: list[float] = []
        self._time = time
        self._takes = takes

    def read(self, decoder: str, image: GrayImage, seconds: float) -> list[str]:
        self.asked.append((decoder, image.shape[1]))
        self.allowed.append(seconds)
        if self._time:
            self._time.now += min(self._takes, seconds)
        answer = self.answers.get((decoder, image.shape[1]), self.answers.get(decoder, []))
        if isinstance(answer, DecoderFailed):
            raise answer
        return answer
