"""Draws the entrance hall as the gate's camera sees it while nobody is there."""

from typing import TypeAlias, cast

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 1280
HEIGHT = 720

Image: TypeAlias = NDArray[np.uint8]
Layer: TypeAlias = NDArray[np.float32]

_HORIZON = 0.56


def empty_hall(seed: int, *, noise: float = 3.0) -> Image:
    """A frame of 1280x720 (BGR) of an entrance hall, a little out of focus.

    `seed` chooses the light, the walls and what stands there, and the noise of the sensor, whose
    standard deviation is `noise` grey levels.
    """
    # What stands there is the same for seeds that differ in their last two digits only: frames of
    # the same hall one after the other.
    place = np.random.default_rng((seed // 100, 0x48414C4C))
    moment = np.random.default_rng((seed, 0x4E4F4953))
    scene = _walls(place)
    _window(scene, place)
    _lamps(scene, place)
    _plant(scene, place)
    _bench(scene, place)
    scene = softened(scene, 5.5)
    _vignette(scene)
    scene *= float(place.uniform(0.8, 1.05))
    if noise > 0:
        strength = noise * np.sqrt(np.clip(scene, 16, 255) / 128)
        scene += strength * moment.standard_normal((HEIGHT, WIDTH, 1), np.float32)
    return np.clip(scene, 0, 255).astype(np.uint8)


def softened(layer: Layer, sigma: float) -> Layer:
    """`layer` blurred by `sigma` pixels, by way of a smaller picture where that shows no difference."""
    smaller = max(1, int(sigma / 2.5))
    if smaller == 1:
        return cast("Layer", cv2.GaussianBlur(layer, (0, 0), sigma))
    height, width = layer.shape[:2]
    size = (max(1, width // smaller), max(1, height // smaller))
    small = cv2.resize(layer, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / smaller)
    return cast("Layer", cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC))


def _walls(random: np.random.Generator) -> Layer:
    """The back wall above the horizon, the floor with its tiles running away below it."""
    horizon = int(HEIGHT * _HORIZON)
    wall = np.array([176, 186, 192], np.float32) * random.uniform(0.85, 1.1)
    floor = np.array([128, 140, 150], np.float32) * random.uniform(0.8, 1.1)
    scene = np.empty((HEIGHT, WIDTH, 3), np.float32)
    scene[:horizon] = wall * np.linspace(1.08, 0.86, horizon)[:, None, None]
    scene[horizon:] = floor * np.linspace(0.72, 1.12, HEIGHT - horizon)[:, None, None]
    away = int(WIDTH * random.uniform(0.4, 0.6))
    for x in range(-WIDTH, 2 * WIDTH, 190):
        cv2.line(scene, (away + (x - away) // 6, horizon), (x, HEIGHT), (108, 118, 126), 3)
    for n in range(1, 8):
        y = horizon + int((HEIGHT - horizon) * (n / 8) ** 1.8)
        cv2.line(scene, (0, y), (WIDTH, y), (110, 120, 128), 2)
    # The wall's panels, and the skirting where it meets the floor.
    for x in range(int(random.uniform(60, 200)), WIDTH, 300):
        cv2.line(scene, (x, 0), (x, horizon), (150, 158, 164), 3)
    cv2.line(scene, (0, horizon), (WIDTH, horizon), (84, 92, 100), 9)
    return scene


def _window(scene: Layer, random: np.random.Generator) -> None:
    """The glass doors to the street: the brightest thing in the hall, mirrored on the floor."""
    horizon = int(HEIGHT * _HORIZON)
    left = int(random.choice([70, 720])) + int(random.uniform(-40, 60))
    right, top = left + int(random.uniform(330, 430)), int(random.uniform(60, 110))
    daylight = np.array([246, 240, 228], np.float32) * random.uniform(0.92, 1.02)
    height = horizon - top
    scene[top:horizon, left:right] = daylight * np.linspace(1.02, 0.8, height)[:, None, None]
    # Shrubs and a pavement across the street.
    glass = scene[top:horizon, left:right].copy()
    cv2.rectangle(glass, (0, int(height * 0.86)), (right - left, height), (176, 180, 182), -1)
    for _ in range(60):
        x, y = random.uniform(0, right - left), height * random.normal(0.76, 0.06)
        shade = random.uniform(0.8, 1.15)
        green = (130 * shade, 168 * shade, 146 * shade)
        cv2.circle(glass, (int(x), int(y)), int(random.uniform(10, 26)), green, -1)
    scene[top:horizon, left:right] = cv2.GaussianBlur(glass, (0, 0), 8)
    scene[horizon - 1 : horizon + 8, left:right] *= 0.8
    for x in (left, (left + right) // 2, right):
        cv2.line(scene, (x, top), (x, horizon), (70, 74, 78), 11)
    cv2.line(scene, (left, top), (right, top), (70, 74, 78), 11)
    reflected = scene[horizon + 8 :, left:right]
    fade = np.linspace(58, 0, reflected.shape[0], dtype=np.float32)[:, None, None]
    reflected += fade


def _lamps(scene: Layer, random: np.random.Generator) -> None:
    lamps, pools = np.zeros_like(scene), np.zeros_like(scene)
    first = int(random.uniform(120, 260))
    for x in range(first, WIDTH, 330):
        cv2.ellipse(lamps, (x, 34), (84, 9), 0, 0, 360, (90, 100, 106), -1)
        cv2.ellipse(pools, (x, 120), (110, 150), 0, 0, 360, (22, 26, 28), -1)
    scene += cv2.GaussianBlur(lamps, (0, 0), 4)
    scene += softened(pools, 60)


def _plant(scene: Layer, random: np.random.Generator) -> None:
    horizon = int(HEIGHT * _HORIZON)
    x, foot = int(random.choice([560, 1190])) + int(random.uniform(-30, 30)), horizon + 70
    cv2.ellipse(scene, (x, foot + 4), (70, 14), 0, 0, 360, (88, 96, 102), -1)
    pot = np.array([[x - 42, foot - 84], [x + 42, foot - 84], [x + 32, foot], [x - 32, foot]])
    cv2.fillPoly(scene, [pot.astype(np.int32)], (78, 84, 92))
    for _ in range(26):
        angle = float(random.uniform(-80, 80))
        length = float(random.uniform(90, 190))
        tip = (
            int(x + length * np.sin(np.radians(angle))),
            int(foot - 84 - length * np.cos(np.radians(angle))),
        )
        green = (52 + random.uniform(-14, 20), 104 + random.uniform(-26, 30), 66.0)
        cv2.line(scene, (x, foot - 84), tip, green, int(random.uniform(7, 15)), cv2.LINE_AA)


def _bench(scene: Layer, random: np.random.Generator) -> None:
    horizon = int(HEIGHT * _HORIZON)
    left, top = int(random.uniform(240, 420)), horizon - 4
    cv2.ellipse(scene, (left + 110, top + 76), (150, 13), 0, 0, 360, (92, 100, 108), -1)
    cv2.rectangle(scene, (left, top), (left + 220, top + 34), (64, 88, 118), -1)
    for x in (left + 16, left + 196):
        cv2.rectangle(scene, (x, top + 34), (x + 9, top + 74), (58, 60, 64), -1)


def _vignette(scene: Layer) -> None:
    y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :]
    scene *= (1 - 0.2 * (x * x + y * y) / 2)[:, :, None]
