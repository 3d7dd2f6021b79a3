"""Draws what a gate's camera sees: a visitor's phone held before the lens, or the empty hall.

Pure functions: the same arguments give the same pixels. The QR code on the phone is a real one,
and nothing else in the picture says what it holds; everything after it is done as in a camera:
perspective, light on the glass, focus, movement, noise.
"""

import math
from dataclasses import dataclass
from typing import Self, TypeAlias, cast

import cv2
import numpy as np
import qrcode
from numpy.typing import NDArray
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q

from demo.hall import HEIGHT, WIDTH, empty_hall, softened

__all__ = ["View", "code_picture", "empty_hall", "held_phone", "phone_picture", "png"]

Image: TypeAlias = NDArray[np.uint8]
"""Height x width x 3, blue, green, red."""

QUIET_ZONE = 4
"""Modules of white around a code (ISO/IEC 18004)."""

# The drawn phone, in units that become pixels: a body of 71 x 147 mm, ten units a millimetre.
_BODY = (710, 1470)
_BEZEL = 34
_CODE_SIDE = 560
_CODE_TOP = 470
_CORNER = 92
_INK = (48, 36, 28)
_PAPER = (240, 245, 247)
_PINE = (78, 107, 46)
_STEEL = (38, 36, 35)
# The eye of the camera stands this many frame heights before the picture's plane.
_FOCAL = 1.6


@dataclass(frozen=True)
class View:
    """How the phone is held and how the camera sees it. The defaults are an easy, ordinary view."""

    code_height: float = 0.32
    """Height of the code, with its quiet zone, as a share of the frame's: 0.15 to 0.6."""
    yaw: float = 0.0
    """Degrees turned about the upright axis, -40 to 40."""
    pitch: float = 0.0
    """Degrees leaning back, -40 to 40."""
    roll: float = 0.0
    """Degrees turned in the picture's plane."""
    centre: tuple[float, float] = (0.5, 0.5)
    """Where the middle of the code lies, as shares of the frame's width and height."""
    blur: float = 0.7
    """Standard deviation of the lens's blur in pixels."""
    movement: float = 0.0
    """Length of the trace that the moving hand leaves, in pixels."""
    noise: float = 3.0
    """Standard deviation of the sensor's noise in grey levels, in a mid grey."""
    glare: float = 0.2
    """Light mirrored on the glass: 0 none, 1 a lamp that whitens part of the code."""
    screen: float = 0.9
    """Brightness of the screen: 1 is white, 0.3 a dimmed phone in daylight."""

    @classmethod
    def drawn(cls, seed: int, *, hardness: float = 0.5) -> Self:
        """A view drawn by `seed`; `hardness` 0 is a patient visitor, 1 the worst the lens sees."""
        random = np.random.default_rng((seed, 0x56494557))
        tilt = 5.0 + 35.0 * hardness
        return cls(
            code_height=float(random.uniform(0.42 - 0.27 * hardness, 0.6)),
            yaw=float(random.uniform(-tilt, tilt)),
            pitch=float(random.uniform(-tilt, tilt)),
            roll=float(random.normal(0, 4 + 14 * hardness)),
            centre=(float(random.uniform(0.38, 0.62)), float(random.uniform(0.42, 0.58))),
            blur=float(random.uniform(0.5, 0.8 + 1.8 * hardness)),
            movement=float(random.uniform(0, 7 * hardness)),
            noise=float(random.uniform(2, 3 + 12 * hardness)),
            glare=float(random.uniform(0, 0.25 + 0.6 * hardness)),
            screen=float(random.uniform(0.95 - 0.5 * hardness, 1.0)),
        )


def code_picture(text: str, *, module: int = 8) -> Image:
    """A QR code of `text`, black on white with its quiet zone, `module` pixels a module.

    It is the smallest version that holds the text at level L; the level is then raised as far as
    that version allows. Text in capitals, digits and `` $%*+-./:`` takes the alphanumeric mode.
    """
    smallest = qrcode.QRCode(error_correction=ERROR_CORRECT_L, border=QUIET_ZONE)
    smallest.add_data(text, optimize=0)
    version = smallest.best_fit(start=1)
    for level in (ERROR_CORRECT_H, ERROR_CORRECT_Q, ERROR_CORRECT_M, ERROR_CORRECT_L):
        code = qrcode.QRCode(error_correction=level, border=QUIET_ZONE)
        code.add_data(text, optimize=0)
        if level == ERROR_CORRECT_L or code.best_fit(start=1) <= version:
            dark = np.array(code.get_matrix(), dtype=bool)
            gray = np.where(dark, 0, 255).astype(np.uint8)
            large = np.kron(gray, np.ones((module, module), np.uint8))
            return np.repeat(large[:, :, None], 3, axis=2)
    raise AssertionError("level L always fits")


def phone_picture(code: str | bytes) -> Image:
    """The phone itself, seen straight on: `code` is the text to show, or a PNG of a QR code."""
    width, height = _BODY
    phone = np.full((height, width, 3), _STEEL, np.uint8)
    screen = np.full((height - 2 * _BEZEL, width - 2 * _BEZEL, 3), _PAPER, np.uint8)
    screen_height, screen_width = screen.shape[:2]
    _write(screen, "9:41", (64, 62), 0.9, _INK)
    cv2.rectangle(screen, (screen_width - 112, 40), (screen_width - 62, 62), _INK, 2)
    cv2.rectangle(screen, (screen_width - 108, 44), (screen_width - 76, 58), _INK, -1)
    _write(screen, "Genkan", (_middle(screen, "Genkan", 1.9), 210), 1.9, _INK, thickness=4)
    _write(screen, "Your visit today", (_middle(screen, "Your visit today", 1.1), 290), 1.1, _INK)
    # The code stands on pure white, which is wider than its own quiet zone.
    left = (screen_width - _CODE_SIDE) // 2
    top = _CODE_TOP - _BEZEL
    card = (left - 20, top - 20, left + _CODE_SIDE + 20, top + _CODE_SIDE + 20)
    cv2.rectangle(screen, card[:2], card[2:], (255, 255, 255), -1)
    screen[top : top + _CODE_SIDE, left : left + _CODE_SIDE] = _code_of(code)
    hint = "Hold before the reader"
    _write(screen, hint, (_middle(screen, hint, 1.1), card[3] + 90), 1.1, _PINE, thickness=3)
    bar = (screen_width // 2 - 110, screen_height - 36)
    cv2.line(screen, bar, (bar[0] + 220, bar[1]), _INK, 8, cv2.LINE_AA)
    rounded = _rounded_mask(screen_width, screen_height, _CORNER - _BEZEL // 2)
    body = phone[_BEZEL:-_BEZEL, _BEZEL:-_BEZEL]
    body[rounded > 0] = screen[rounded > 0]
    cv2.circle(phone, (width // 2, _BEZEL + 44), 17, (14, 12, 12), -1, cv2.LINE_AA)
    return phone


def held_phone(
    code: str | bytes, view: View | None = None, *, seed: int, hall: Image | None = None
) -> Image:
    """A frame of 1280x720: a phone showing `code` before the lens, in front of the hall.

    `code` is the text to show, or a PNG of a QR code. The `hall` is the one of `seed` unless given.
    """
    view = view or View.drawn(seed)
    random = np.random.default_rng((seed, 0x50484F4E))
    back = (empty_hall(seed, noise=0) if hall is None else hall).astype(np.float32)
    phone = phone_picture(code).astype(np.float32)
    phone[_BEZEL:-_BEZEL, _BEZEL:-_BEZEL] *= view.screen
    phone += _glare(view, random)[:, :, None]
    np.clip(phone, 0, 255, out=phone)
    to_frame = _placing(view)
    mask = _rounded_mask(*_BODY, _CORNER).astype(np.float32) * np.float32(1 / 255)
    seen, cover = _projected(phone, to_frame), _projected(mask, to_frame)[:, :, None]
    shadow = softened(cover, 26)[:, :, None]
    scene = (back * (1 - 0.35 * shadow)).astype(np.float32)
    _hold(scene, to_frame, random)
    scene = (scene * (1 - cover) + seen * cover).astype(np.float32)
    _hold(scene, to_frame, random, thumb=True)
    scene = _through_the_lens(scene, view, random)
    return np.clip(scene, 0, 255).astype(np.uint8)


def png(image: Image) -> bytes:
    """`image` as the bytes of a PNG file."""
    done, packed = cv2.imencode(".png", image)
    if not done:
        raise ValueError("this array cannot be written as a PNG")
    return packed.tobytes()


def _code_of(code: str | bytes) -> Image:
    picture = code_picture(code) if isinstance(code, str) else _from_png(code)
    size = (_CODE_SIDE, _CODE_SIDE)
    larger = picture.shape[0] > _CODE_SIDE
    how = cv2.INTER_AREA if larger else cv2.INTER_NEAREST
    return cast("Image", cv2.resize(picture, size, interpolation=how))


def _from_png(content: bytes) -> Image:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("these bytes are no PNG picture")
    return cast("Image", picture)


def _placing(view: View) -> NDArray[np.float64]:
    """The homography from the phone's own plane to the frame."""
    yaw, pitch, roll = (math.radians(angle) for angle in (view.yaw, view.pitch, view.roll))
    turn_y = np.array(
        [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    )
    turn_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    turn_z = np.array(
        [[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]]
    )
    scale = view.code_height * HEIGHT / _CODE_SIDE
    middle = np.array([_BODY[0] / 2, _CODE_TOP + _CODE_SIDE / 2])
    corners = np.array([[0, 0], [_BODY[0], 0], [_BODY[0], _BODY[1]], [0, _BODY[1]]], np.float64)
    flat = np.column_stack(((corners - middle) * scale, np.zeros(4)))
    turned = flat @ (turn_z @ turn_x @ turn_y).T
    focal = _FOCAL * HEIGHT
    depth = focal / (focal + turned[:, 2])
    placed = turned[:, :2] * depth[:, None] + np.array(view.centre) * (WIDTH, HEIGHT)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    return matrix.astype(np.float64)


def _projected(picture: NDArray[np.float32], to_frame: NDArray[np.float64]) -> NDArray[np.float32]:
    """`picture` in the frame, drawn at twice the size so that fine modules are averaged."""
    double = np.diag([2.0, 2.0, 1.0]) @ to_frame
    large = cv2.warpPerspective(picture, double, (WIDTH * 2, HEIGHT * 2), flags=cv2.INTER_LINEAR)
    small = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return cast("NDArray[np.float32]", small)


def _glare(view: View, random: np.random.Generator) -> NDArray[np.float32]:
    """Light of a lamp and of a window on the glass, in the phone's own plane."""
    width, height = _BODY
    light = np.zeros((height, width), np.float32)
    spot = (int(random.uniform(0.15, 0.85) * width), int(random.uniform(0.3, 0.75) * height))
    axes = (int(random.uniform(40, 90)), int(random.uniform(90, 200)))
    cv2.ellipse(light, spot, axes, float(random.uniform(-60, 60)), 0, 360, 235.0 * view.glare, -1)
    light = softened(light, 34)
    edge = int(random.uniform(-0.2, 0.9) * width)
    band = np.array(
        [[edge, 0], [edge + 260, 0], [edge + 560, height], [edge + 300, height]], np.int32
    )
    window = np.zeros_like(light)
    cv2.fillPoly(window, [band], 70.0 * view.glare)
    return cast("NDArray[np.float32]", light + cv2.GaussianBlur(window, (0, 0), 9) + 5.0)


def _hold(
    scene: NDArray[np.float32],
    to_frame: NDArray[np.float64],
    random: np.random.Generator,
    *,
    thumb: bool = False,
) -> None:
    """Draw the fingers behind the phone, or the thumb on its edge, into `scene`."""
    width, height = _BODY
    size = math.sqrt(abs(float(np.linalg.det(to_frame[:2, :2]))))
    skin = np.array([132, 160, 205], np.float32) * (1.0 if thumb else 0.88)
    if thumb:
        lines = [((width + 60, height - 90), (width - 44, height - 330), 104)]
    else:
        lines = [
            ((120, height - 420 + 125 * n), (-62, height - 470 + 130 * n), 100) for n in range(4)
        ]
        lines.append(((width - 100, height - 60), (width + 40, height + 700), 470))
        lines.append(((260, height + 40), (width - 60, height + 700), 460))
    for start, end, thick in lines:
        ends = np.array([[start, end]], np.float32) + random.normal(0, 6, (1, 2, 2))
        (first, last) = cv2.perspectiveTransform(ends.astype(np.float32), to_frame)[0]
        layer = np.zeros(scene.shape[:2], np.float32)
        points = [(int(x), int(y)) for x, y in (first, last)]
        cv2.line(layer, points[0], points[1], 1.0, max(2, int(thick * size)), cv2.LINE_AA)
        layer = softened(layer, 1.2)
        # Round like a finger: brighter in the middle than at its edges.
        inner = softened(layer, max(1.0, thick * size * 0.22))
        colour = skin * (0.42 + 0.6 * inner[:, :, None])
        cover = layer[:, :, None]
        scene[:] = scene * (1 - cover) + colour * cover


def _through_the_lens(
    scene: NDArray[np.float32], view: View, random: np.random.Generator
) -> NDArray[np.float32]:
    """Focus, movement, and the noise of the sensor: stronger where there is more light."""
    if view.movement >= 1:
        length = int(view.movement) * 2 + 1
        trace = np.zeros((length, length), np.float32)
        angle = float(random.uniform(0, math.pi))
        half = np.array([math.cos(angle), math.sin(angle)]) * view.movement / 2
        middle = length // 2
        ends = [
            (round(middle + sign * half[0]), round(middle + sign * half[1])) for sign in (-1, 1)
        ]
        cv2.line(trace, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
        scene = cast("NDArray[np.float32]", cv2.filter2D(scene, -1, trace / trace.sum()))
    if view.blur > 0:
        scene = cast("NDArray[np.float32]", cv2.GaussianBlur(scene, (0, 0), view.blur))
    strength = view.noise * np.sqrt(np.clip(scene, 16, 255) / 128)
    # Most of a sensor's noise is in brightness, a little in colour.
    shared = random.standard_normal((HEIGHT, WIDTH, 1), np.float32)
    coloured = random.standard_normal((HEIGHT, WIDTH, 3), np.float32) * 0.4
    return cast("NDArray[np.float32]", scene + strength * (shared + coloured))


def _rounded_mask(width: int, height: int, radius: int) -> Image:
    mask = np.zeros((height, width), np.uint8)
    cv2.rectangle(mask, (radius, 0), (width - radius - 1, height - 1), 255, -1)
    cv2.rectangle(mask, (0, radius), (width - 1, height - radius - 1), 255, -1)
    for x in (radius, width - radius - 1):
        for y in (radius, height - radius - 1):
            cv2.circle(mask, (x, y), radius, 255, -1, cv2.LINE_AA)
    return mask


def _middle(screen: Image, text: str, size: float) -> int:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, size, 2)
    return (screen.shape[1] - width) // 2


def _write(
    screen: Image,
    text: str,
    at: tuple[int, int],
    size: float,
    colour: tuple[int, int, int],
    *,
    thickness: int = 2,
) -> None:
    cv2.putText(screen, text, at, cv2.FONT_HERSHEY_DUPLEX, size, colour, thickness, cv2.LINE_AA)
