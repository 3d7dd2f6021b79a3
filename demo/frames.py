"""Puts a rendered phone before a replay camera, frame by frame, as a visitor would hold it."""

from dataclasses import replace
from pathlib import Path

from demo.phone import View, empty_hall, held_phone, png

FRAMES = 3
"""Pictures of one presentation; the replay camera shows each for a few frames."""


def show_empty_hall(folder: Path, seed: int) -> None:
    """Let the camera see the hall without a visitor."""
    _put(folder, f"empty-{seed:03}.png", png(empty_hall(seed)))


def hold_before_the_camera(folder: Path, name: str, code: str | bytes, seed: int) -> None:
    """Let the camera see a phone with `code` (a text, or the PNG of a QR code) coming nearer.

    The hand moves from frame to frame: another angle, another blur, other noise. All frames are
    drawn before the first is shown, so that they are one presentation however slow the machine is.
    """
    hall = empty_hall(seed)
    pictures: list[bytes] = []
    for number in range(FRAMES):
        near = number / (FRAMES - 1)
        view = replace(
            View(),
            code_height=0.26 + 0.12 * near,
            yaw=22.0 - 14.0 * near,
            pitch=-12.0 + 6.0 * near,
            roll=6.0 - 8.0 * near,
            centre=(0.56 - 0.06 * near, 0.5),
            blur=1.4 - 0.6 * near,
            noise=4.0,
        )
        pictures.append(png(held_phone(code, view, seed=seed * 100 + number, hall=hall)))
    for number, picture in enumerate(pictures):
        _put(folder, f"{name}-{seed:03}-{number}.png", picture)


def _put(folder: Path, name: str, picture: bytes) -> None:
    """Write under a hidden name first, so that the camera never reads half a picture."""
    hidden = folder / f".{name}"
    hidden.write_bytes(picture)
    hidden.rename(folder / name)
