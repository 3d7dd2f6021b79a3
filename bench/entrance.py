"""A gate in this process that looks at drawn phones: its camera, what it told, and the phones themselves."""

import queue
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import NamedTuple, cast

import numpy as np

from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import AccessPointId, EventId
from bench.result import Track
from bench.site import static_text
from demo.hall import HEIGHT, WIDTH, empty_hall
from demo.phone import View, code_picture, held_phone
from gate_agent.camera import Frame
from gate_agent.feedback.base import Enrolling, Serving
from gate_agent.vision import Image, cv2

FRAMES_A_SECOND = 15
HALLS = 4
RELAY_RESTS_S = 0.15
"""Between one person and the next: a relay that was just on stays off for 0.1 s, whoever comes."""
_TRACE = 41
"""Pixels over which a phone that is still on its way smears: nothing reads it."""
_PAPER = 235
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 95)


class Phone(NamedTuple):
    """A drawn phone before the camera, packed as a USB camera would send it, and what it shows."""

    text: str
    packed: bytes

    def frame(self) -> Image:
        """The picture, 1280x720 in colour."""
        return cast("Image", cv2.imdecode(np.frombuffer(self.packed, np.uint8), cv2.IMREAD_COLOR))


def draw(texts: Iterable[str], track: Track, what: str, total: int) -> list[Phone]:
    """Draw a phone for each text, each held a little otherwise, in one of a few halls."""
    halls = [empty_hall(number, noise=0) for number in range(HALLS)]
    drawn: list[Phone] = []
    for number, text in enumerate(track(texts, f"{what}: drawing phones", total)):
        view = View(yaw=number % 7 * 3.0 - 9.0)
        frame = held_phone(text, view, seed=number, hall=halls[number % HALLS])
        drawn.append(Phone(text, cv2.imencode(".jpg", frame, _JPEG)[1].tobytes()))
    return drawn


def shown_flat(text: str) -> Image:
    """A frame in which a code fills the middle: quickly drawn, where it is not the reading that counts."""
    frame, code = np.full((HEIGHT, WIDTH, 3), _PAPER, np.uint8), code_picture(text)
    height, width = code.shape[:2]
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    frame[top : top + height, left : left + width] = code
    return frame


@cache
def _visitors() -> list[Phone]:
    return []


def visitors(count: int, track: Track, what: str) -> list[Phone]:
    """So many phones, each with another visitor's static pass for the small site's entrance.

    They are drawn once for all measurements of a run: to draw one takes longer than to let it in.
    """
    drawn = _visitors()
    missing = range(len(drawn), count)
    if missing:
        drawn += draw((static_text(number + 1) for number in missing), track, what, len(missing))
    return drawn[:count]


class HandedFrames:
    """A camera that shows the empty hall, and each frame that it is handed once, at once."""

    def __init__(self) -> None:
        """Nobody is there yet."""
        self.handed_at = 0.0
        """When the last frame was handed out, in seconds of the machine's monotonic clock."""
        self._handed: queue.Queue[Image] = queue.Queue()
        self._empty = empty_hall(1)
        self._number = 0

    def hand(self, frame: Image) -> None:
        """Have this frame be the camera's next."""
        self._handed.put(frame)

    def open(self) -> None:
        """See `Camera.open`."""

    def read(self) -> Frame:
        """See `Camera.read`."""
        image = self._empty
        with suppress(queue.Empty):
            image = self._handed.get(timeout=1 / FRAMES_A_SECOND)
            self.handed_at = time.monotonic()
        self._number += 1
        return Frame(image, self._number, time.monotonic())

    def close(self) -> None:
        """See `Camera.close`."""


class PacedCamera:
    """A camera of 15 frames a second before which one person after the other holds up a phone.

    The first frame with a phone is smeared, for the hand is still on its way; then it rests.
    """

    def __init__(self, wait: Callable[[float], object] = time.sleep) -> None:
        """Nobody is there yet; `wait` lets so many seconds pass."""
        self._wait = wait
        self._halls = [empty_hall(number) for number in range(HALLS)]
        self._phone: Image | None = None
        self._moving = False
        self._number = 0
        self._due = 0.0

    def hold_up(self, phone: Image | None) -> None:
        """Let the next frame show this phone, or nobody."""
        self._phone, self._moving = phone, phone is not None

    def open(self) -> None:
        """See `Camera.open`."""
        self._due = time.monotonic()

    def read(self) -> Frame:
        """See `Camera.read`."""
        self._due += 1 / FRAMES_A_SECOND
        self._wait(max(0.0, self._due - time.monotonic()))
        self._number += 1
        phone, moving, self._moving = self._phone, self._moving, False
        image = self._halls[self._number % HALLS]
        if phone is not None:
            image = smeared(phone) if moving else phone
        return Frame(image, self._number, time.monotonic())

    def close(self) -> None:
        """See `Camera.close`."""


def smeared(frame: Image) -> Image:
    """What the camera sees of a phone that moves sideways while the frame is taken."""
    return cast("Image", cv2.blur(frame, (_TRACE, 1)))


class NotedFeedback:
    """A feedback that shows nothing, and keeps for its reader what it was told, with the moment."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.decided: queue.Queue[tuple[float, EventId, DenyReason | None]] = queue.Queue()
        self.freed: queue.Queue[tuple[float, EventId]] = queue.Queue()
        self.ended: queue.Queue[tuple[float, EventId, Outcome]] = queue.Queue()
        self.back: queue.Queue[float] = queue.Queue()
        """When the broker was there again."""

    def reading(self, point: AccessPointId) -> None:
        """See `Feedback.reading`."""

    def hold_still(self, point: AccessPointId) -> None:
        """See `Feedback.hold_still`."""

    def wait(self, point: AccessPointId) -> None:
        """See `Feedback.wait`."""

    def granted(self, point: AccessPointId, event: EventId, decision: AccessDecision) -> None:
        """See `Feedback.granted`."""
        self.decided.put((time.monotonic(), event, None))

    def refused(
        self, point: AccessPointId, event: EventId, reason: DenyReason, decision: AccessDecision
    ) -> None:
        """See `Feedback.refused`."""
        self.decided.put((time.monotonic(), event, reason))

    def unlocked(self, point: AccessPointId, event: EventId) -> None:
        """See `Feedback.unlocked`."""
        self.freed.put((time.monotonic(), event))

    def door(self, point: AccessPointId, event: EventId, outcome: Outcome) -> None:
        """See `Feedback.door`."""
        self.ended.put((time.monotonic(), event, outcome))

    def machine(self, point: AccessPointId, event: EventId, said: Serving) -> None:
        """See `Feedback.machine`."""

    def offline(self, *, now: bool) -> None:
        """See `Feedback.offline`."""
        if not now:
            self.back.put(time.monotonic())

    def trouble(self, where: str, what: str | None) -> None:
        """See `Feedback.trouble`."""

    def enrolling(self, step: Enrolling, why: str = "") -> None:
        """See `Feedback.enrolling`."""

    def close(self) -> None:
        """See `Feedback.close`."""
