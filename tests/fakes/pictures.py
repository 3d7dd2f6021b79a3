"""Pictures for tests: real codes, rendered, and pictures made to trouble a decoder."""

from collections.abc import Sequence

import cv2
import numpy as np
import qrcode
import qrcode.util
from numpy.typing import NDArray
from qrcode.constants import ERROR_CORRECT_L

Gray = NDArray[np.uint8]

WIDTH, HEIGHT = 1280, 720


def code(text: str | bytes, *, module: int = 6, border: int = 4) -> Gray:
    """A QR code, dark on white."""
    made = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=border)
    made.add_data(text)
    return _drawn(made.get_matrix(), module)


def kanji(text: str, *, module: int = 6) -> Gray:
    """A QR code in kanji mode (ISO/IEC 18004, 7.4.6), which qrcode itself does not write."""
    bits = [(0b1000, 4), (len(text), 8)]
    for character in text:
        high, low = character.encode("shift_jis")
        value = (high << 8 | low) - (0x8140 if high < 0xE0 else 0xC140)
        bits.append(((value >> 8) * 0xC0 + (value & 0xFF), 13))
    return _of_bits(bits, module)


def structured_append(part: str, *, module: int = 6) -> Gray:
    """The first of two codes over which one text is spread (ISO/IEC 18004, 8)."""
    parity = 0
    for byte in part.encode("ascii"):
        parity ^= byte
    bits = [(0b0011, 4), (0, 4), (1, 4), (parity, 8), (0b0100, 4), (len(part), 8)]
    bits += [(byte, 8) for byte in part.encode("ascii")]
    return _of_bits(bits, module)


class _Bits(qrcode.util.QRData):
    """Data written bit by bit: qrcode knows neither kanji nor Structured Append."""

    def __init__(self, bits: Sequence[tuple[int, int]]) -> None:
        super().__init__(b"x" * (sum(size for _, size in bits) // 8), check_data=False)
        self._bits = bits

    def write(self, buffer: qrcode.util.BitBuffer) -> None:
        # qrcode has put a mode and a length there, which are not ours.
        buffer.buffer.clear()
        buffer.length = 0
        for value, size in self._bits:
            buffer.put(value, size)


def _of_bits(bits: Sequence[tuple[int, int]], module: int) -> Gray:
    made = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=4)
    made.add_data(_Bits(bits))
    return _drawn(made.get_matrix(), module)


def in_a_frame(*pictures: Gray) -> Gray:
    """The pictures side by side in a frame of 1280x720, on grey."""
    frame = np.full((HEIGHT, WIDTH), 128, np.uint8)
    left = 20
    for picture in pictures:
        height, width = picture.shape
        frame[20 : 20 + height, left : left + width] = picture
        left += width + 20
    return frame


def wall(count: int = 264) -> tuple[Gray, Sequence[str]]:
    """A frame full of small codes, and their texts."""
    frame = np.full((HEIGHT, WIDTH), 255, np.uint8)
    texts = [f"{number:04}" for number in range(count)]
    for number, text in enumerate(texts):
        row, column = divmod(number, 22)
        small = code(text, module=2, border=2)
        height, width = small.shape
        frame[row * 60 : row * 60 + height, column * 58 : column * 58 + width] = small
    return frame, texts


def finder_sheet(module: int = 2) -> Gray:
    """A frame full of finder patterns, the corners that decoders look for, and no code."""
    finder = np.full((9, 9), 255, np.uint8)
    finder[1:8, 1:8] = 0
    finder[2:7, 2:7] = 255
    finder[3:6, 3:6] = 0
    large = np.kron(finder, np.ones((module, module), np.uint8))
    side = large.shape[0]
    return np.tile(large, (HEIGHT // side + 1, WIDTH // side + 1))[:HEIGHT, :WIDTH].copy()


def static_noise(seed: int = 1) -> Gray:
    """A frame of nothing but noise."""
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


def png(picture: Gray) -> bytes:
    """The bytes of a PNG file."""
    done, packed = cv2.imencode(".png", picture)
    assert done
    return packed.tobytes()


def jpeg(picture: Gray) -> bytes:
    """The bytes of a JPEG file."""
    done, packed = cv2.imencode(".jpg", picture)
    assert done
    return packed.tobytes()


def _drawn(matrix: Sequence[Sequence[bool | None]], module: int) -> Gray:
    dark = np.array(matrix, dtype=bool)
    gray = np.where(dark, 0, 255).astype(np.uint8)
    return np.kron(gray, np.ones((module, module), np.uint8))
