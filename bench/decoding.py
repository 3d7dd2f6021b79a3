"""How many codes the gate's eyes read, and in what time, beside its decoders used alone."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import cast

import numpy as np

from bench.result import Result, Skipped, Track, percentile
from bench.scenes import PASSES, hard_scenes
from demo.hall import empty_hall
from gate_agent.camera.pictures import read_picture
from gate_agent.decoder.chain import DecoderChain, Reading
from gate_agent.decoder.change import Attention
from gate_agent.decoder.process import DecodingProcess
from gate_agent.decoder.zxing import ZxingDecoder
from gate_agent.vision import GrayImage, cv2

WIDTH, HEIGHT = 1280, 720
HARD_SCENES = 300
EMPTY_FRAMES = 300
FRAMES_A_SECOND = 15


@dataclass(frozen=True)
class Photo:
    """A photo of a code in a camera's frame, and the text it holds."""

    frame: GrayImage
    text: str


@dataclass(frozen=True)
class Alone:
    """What one decoder does when it is used by itself on whole frames."""

    name: str
    read: Callable[[memoryview], list[str]]


def alone_decoders() -> Sequence[Alone]:
    """The decoders to compare with. Raises `Skipped` where one is missing."""
    try:
        from gate_agent.decoder.zbar import ZbarDecoder  # noqa: PLC0415  # libzbar may be missing
    except ImportError as why:
        raise Skipped(f"{why}; install libzbar0") from None
    return Alone("zxing-cpp", ZxingDecoder().read), Alone("pyzbar", ZbarDecoder().read)


def decode_rate(track: Track) -> Iterator[Result]:
    """Per cent of the photos read rightly, by the chain and by each decoder alone."""
    photos = load_photos(track)
    with DecodingProcess() as decoders:
        chain = DecoderChain(decoders, seconds=5)
        readings = [chain.read(photo.frame) for photo in track(photos, "decode_rate: the chain")]
    ours = _percent(
        [_is_right(reading.texts, photo) for reading, photo in zip(readings, photos, strict=True)]
    )
    alone = {
        decoder.name: _percent(
            [
                _is_right(decoder.read(photo.frame.data), photo)
                for photo in track(photos, f"decode_rate: plain {decoder.name}")
            ]
        )
        for decoder in alone_decoders()
    }
    best = max(alone, key=lambda name: alone[name])
    yield Result(
        "decode_rate",
        "% of photos",
        len(photos),
        ours,
        None,
        None,
        alone[best],
        f"plain {best}, the best single decoder",
        {
            "frames": f"{WIDTH}x{HEIGHT}, each photo as large as fits (most are small)",
            **{f"plain_{name}": round(rate, 2) for name, rate in alone.items()},
            "wrong": sum(
                bool(reading.texts) and not _is_right(reading.texts, photo)
                for reading, photo in zip(readings, photos, strict=True)
            ),
            "readers": _counted(readings),
        },
    )


def decode_hard_rate(track: Track) -> Iterator[Result]:
    """Per cent of rendered hard scenes read, each a single frame of a phone held badly."""
    names = [decoder.name for decoder in alone_decoders()]
    read: dict[str, list[bool]] = {name: [] for name in ("ours", *names)}
    kinds: list[str] = []
    readings: list[Reading] = []
    wrong = 0
    with DecodingProcess() as decoders:
        chain = DecoderChain(decoders, seconds=5)
        for scene in track(hard_scenes(HARD_SCENES), "decode_hard_rate", HARD_SCENES):
            gray = cast("GrayImage", cv2.cvtColor(scene.frame, cv2.COLOR_BGR2GRAY))
            reading = chain.read(scene.frame)
            readings.append(reading)
            kinds.append(scene.kind)
            read["ours"].append(scene.text in reading.texts)
            wrong += any(text != scene.text for text in reading.texts)
            for decoder in alone_decoders():
                read[decoder.name].append(scene.text in decoder.read(gray.data))
    best = max(names, key=lambda name: sum(read[name]))
    yield Result(
        "decode_hard_rate",
        "% of scenes",
        len(kinds),
        _percent(read["ours"]),
        None,
        None,
        _percent(read[best]),
        f"plain {best}, the best single decoder",
        {
            "frames": f"{WIDTH}x{HEIGHT}, rendered",
            **{f"plain_{name}": round(_percent(read[name]), 2) for name in names},
            "wrong": wrong,
            **{kind: _side_by_side(read, kinds, kind) for kind in PASSES},
            "readers": _counted(readings),
        },
    )


def decode_ms(track: Track) -> Iterator[Result]:
    """Milliseconds from frame to text: every photo, whether it is read or not."""
    photos = load_photos(track)
    with DecodingProcess() as decoders:
        chain = DecoderChain(decoders, seconds=5)
        chain.read(photos[0].frame)
        readings = [chain.read(photo.frame) for photo in track(photos, "decode_ms: the chain")]
    alone = _times_alone([photo.frame for photo in photos], track, "decode_ms")
    read = [reading.ms for reading in readings if reading.texts]
    yield Result.of(
        "decode_ms",
        "ms",
        [reading.ms for reading in readings],
        baseline=alone["zxing-cpp"],
        baseline_is="plain zxing-cpp, in the same process",
        plain_pyzbar=round(alone["pyzbar"], 2),
        read_median=round(median(read), 2),
        read_p99=round(percentile(read, 99), 2),
    )


def empty_frame_ms(track: Track) -> Iterator[Result]:
    """Milliseconds for a frame of the empty hall, one after the other as a camera sends them."""
    halls = [empty_hall(number) for number in range(20)]
    ticks = iter(range(EMPTY_FRAMES + 1))
    attention = Attention(clock=lambda: next(ticks) / FRAMES_A_SECOND)
    with DecodingProcess() as decoders:
        chain = DecoderChain(decoders, attention=attention)
        chain.read(halls[-1])
        samples = [
            chain.read(halls[number % len(halls)]).ms
            for number in track(range(EMPTY_FRAMES), "empty_frame_ms: the chain")
        ]
    grays = [cast("GrayImage", cv2.cvtColor(hall, cv2.COLOR_BGR2GRAY)) for hall in halls]
    alone = _times_alone(grays * 5, track, "empty_frame_ms")
    yield Result.of(
        "empty_frame_ms",
        "ms",
        samples,
        baseline=alone["pyzbar"],
        baseline_is="plain pyzbar on every frame",
        **{"plain_zxing-cpp": round(alone["zxing-cpp"], 2)},
    )


def load_photos(track: Track) -> Sequence[Photo]:
    """The photos in the folder GENKAN_PHOTOS, or beside this checkout. Raises `Skipped`."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "qr-photos"
    folder = Path(os.environ.get("GENKAN_PHOTOS", str(beside)))
    paths = sorted(path for path in folder.glob("*/*") if path.suffix in {".png", ".jpg"})
    if not paths:
        raise Skipped(f"no photos in {folder}; name the folder with GENKAN_PHOTOS")
    return [
        Photo(
            _in_a_frame(read_picture(path)),
            _ascii(path.with_suffix(".txt").read_text("utf-8", errors="replace")),
        )
        for path in track(paths, "photos", len(paths))
    ]


def _in_a_frame(image: GrayImage) -> GrayImage:
    """`image` in grey, as large as a frame holds it, on a grey ground."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    factor = min(WIDTH / gray.shape[1], HEIGHT / gray.shape[0])
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    gray = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=how)[:HEIGHT, :WIDTH]
    frame = np.full((HEIGHT, WIDTH), 128, np.uint8)
    height, width = gray.shape[:2]
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    frame[top : top + height, left : left + width] = gray
    return frame


def _times_alone(frames: Sequence[GrayImage], track: Track, what: str) -> dict[str, float]:
    """The median milliseconds of each decoder used alone."""
    times: dict[str, float] = {}
    for decoder in alone_decoders():
        samples: list[float] = []
        for frame in track(frames, f"{what}: plain {decoder.name}"):
            began = time.perf_counter()
            decoder.read(frame.data)
            samples.append((time.perf_counter() - began) * 1000)
        times[decoder.name] = median(samples)
    return times


def _side_by_side(
    read: Mapping[str, Sequence[bool]], kinds: Sequence[str], kind: str
) -> dict[str, float]:
    """The rates on the scenes of one kind."""
    return {
        name: round(
            _percent([right for right, one in zip(rights, kinds, strict=True) if one == kind]), 1
        )
        for name, rights in read.items()
    }


def _is_right(texts: Sequence[str], photo: Photo) -> bool:
    return any(_ascii(text) == photo.text for text in texts)


def _ascii(text: str) -> str:
    """The printable ASCII part: what lies beyond it, every decoder guesses differently."""
    return "".join(character for character in text if " " <= character <= "~")


def _percent(right: Sequence[bool]) -> float:
    return 100 * sum(right) / len(right)


def _counted(readings: Sequence[Reading]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for reading in readings:
        name = reading.reader or "none"
        counts[name] = counts.get(name, 0) + 1
    return counts
