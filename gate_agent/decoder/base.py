"""What a decoder is, and how it fails; imported by the agent and by its decoding process alike."""

from typing import Protocol


class Decoder(Protocol):
    """One library, set up in one way, that reads QR codes."""

    def read(self, image: memoryview) -> list[str]:
        """The texts of all QR codes found, in no particular order; empty when there are none.

        `image` is grey, two-dimensional (height x width), one byte a pixel; a `memoryview` of a
        numpy array serves. It is only valid during the call.
        """
        ...


class DecoderFailed(Exception):
    """No answer about this picture; the next one may be read again."""


class DecoderOverran(DecoderFailed):
    """The decoder had not finished at its deadline and was stopped."""


class DecoderDied(DecoderFailed):
    """The decoding process ended, or is not there yet."""
