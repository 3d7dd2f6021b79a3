"""Reads the codes in picture files, for the command `decode`."""

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from gate_agent.camera.pictures import UnreadablePicture, read_picture
from gate_agent.decoder.base import DecoderFailed
from gate_agent.decoder.chain import DecoderChain
from gate_agent.decoder.process import DecodingProcess

READ, NO_CODE, NO_PICTURE = 0, 1, 2


@dataclass(frozen=True)
class DecodedFile:
    """What was found in one file."""

    file: Path
    texts: tuple[str, ...] = ()
    reader: str | None = None
    ms: float = 0.0
    error: str | None = None

    @property
    def status(self) -> int:
        """The exit status that this file asks for."""
        if self.texts:
            return READ
        return NO_PICTURE if self.error else NO_CODE

    def as_json(self) -> dict[str, object]:
        """The object to print."""
        line: dict[str, object] = {
            "file": str(self.file),
            "text": self.texts[0] if self.texts else None,
            "reader": self.reader,
            "ms": round(self.ms, 2),
        }
        if len(self.texts) > 1:
            line["texts"] = list(self.texts)
        if self.error:
            line["error"] = self.error
        return line


def decode_files(files: Iterable[Path], *, seconds: float) -> Iterator[DecodedFile]:
    """One answer for each of `files`, in their order, each within `seconds`."""
    with closing(DecodingProcess()) as decoders:
        # Should it not start, each picture's reading says so.
        with suppress(DecoderFailed):
            decoders.start()
        chain = DecoderChain(decoders, seconds=seconds)
        for file in files:
            try:
                reading = chain.read(read_picture(file))
            except UnreadablePicture as why:
                yield DecodedFile(file, error=str(why))
            else:
                yield DecodedFile(file, reading.texts, reading.reader, reading.ms, reading.failure)
