"""ZBar through pyzbar: the last opinion, on what zxing-cpp could not read."""

from typing import Protocol, cast

from pyzbar import pyzbar


class _Code(Protocol):
    data: bytes


class ZbarDecoder:
    """Reads QR codes with ZBar.

    Importing this module raises ImportError where the library libzbar is not installed, and OSError
    where it cannot be loaded.
    """

    def read(self, image: memoryview) -> list[str]:
        """See `Decoder.read`."""
        height, width = image.shape or (0, 0)
        pixels = (image.tobytes(), width, height)
        try:
            found = cast(
                "list[_Code]",
                pyzbar.decode(pixels, symbols=[pyzbar.ZBarSymbol.QRCODE]),  # pyright: ignore[reportUnknownMemberType]
            )
        except ValueError:
            # pyzbar has no name for the symbols that ZBar makes of a Structured Append code (one
            # text spread over several codes). A credential is never spread, so there is none here.
            return []
        return [text for text in (code.data.decode("utf-8", "replace") for code in found) if text]
