"""How fast a gate decides, commands and starts, and how much memory it holds, on real parts."""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from access_protocol import codec, rules, signed, topics
from access_protocol import credential as credentials
from access_protocol.events import ControllerEvent, ControllerEventKind
from access_protocol.keys import ed25519_verifies
from access_protocol.topics import Kind, Subject
from access_protocol.transport.base import Message, Transport
from bench.entrance import RELAY_RESTS_S, HandedFrames, NotedFeedback, visitors
from bench.network import round_trips_ms
from bench.result import Result, Track
from bench.site import (
    ENTRANCE,
    GATE,
    GATE_KEY,
    ISSUER,
    ROOT,
    SITE,
    TURNSTILE,
    SmallSite,
    entrance,
    gate_settings,
    issuers,
    static_text,
    unbuffered,
)
from demo.phone import View, held_phone
from demo.program import StartedProcess
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.clock import GateClock
from gate_agent.decoder.zxing import ZxingDecoder
from gate_agent.gatekeeper import Gatekeeper
from gate_agent.history import PassageHistory
from gate_agent.local_store import LocalStore
from gate_agent.logs import set_up_logs
from gate_agent.verifying import KnownKeys
from gate_agent.vision import Image, cv2

DECISIONS = 3000
VISITORS = 60
STARTS = 7
_WITHIN_S = 10.0


def verify_decide_ms(track: Track) -> Iterator[Result]:
    """From the text of a static credential to the decision; each is another visitor's."""
    texts = [static_text(number + 1) for number in range(DECISIONS)]
    point, gatekeeper = entrance(), Gatekeeper()
    known = KnownKeys(SITE, issuers())
    history = PassageHistory(lambda: {point.id: point})
    now = datetime.now(UTC)
    circumstances = rules.Circumstances(now, clock_trusted=True, knowledge_age=timedelta())
    samples: list[float] = []
    for number, text in enumerate(track(texts, "verify_decide_ms")):
        began = time.perf_counter()
        decision = gatekeeper.decide((text,), point, known, history, circumstances, number)
        samples.append((time.perf_counter() - began) * 1000)
        if decision is None or not decision.granted:
            raise RuntimeError(f"a valid credential was not granted: {decision}")
    bare = [_bare_verify_ms(text) for text in texts]
    yield Result.of(
        "verify_decide_ms",
        "ms",
        samples,
        baseline=median(bare),
        baseline_is="one Ed25519 verification of the same credential by cryptography, nothing else",
    )


def _bare_verify_ms(text: str) -> float:
    message = credentials.read(text).credential or b""  # only a short presentation comes without
    envelope = signed.split(message, signed.EDDSA_HEADER)
    to_verify = envelope.to_be_signed(b"")
    began = time.perf_counter()
    good = ed25519_verifies(ISSUER.public, envelope.signature, to_verify)
    took = (time.perf_counter() - began) * 1000
    if not good:
        raise RuntimeError("a valid credential was not verified")
    return took


class _Stopwatch:
    """Notes when the command was handed to the broker, and when the controller said unlocked."""

    def __init__(self, transport: Transport, observer: Transport) -> None:
        self.commanded: queue.Queue[float] = queue.Queue()
        self.unlocked: queue.Queue[float] = queue.Queue()
        send = transport.publish

        def publish(topic: str, payload: bytes, **further: object) -> bool:
            sent = send(topic, payload, **further)  # type: ignore[arg-type]
            if topics.parse(topic).subject is Subject.COMMAND:
                self.commanded.put(time.monotonic())
            return sent

        transport.publish = publish  # type: ignore[method-assign]
        event = topics.build(SITE, Kind.CONTROLLER, TURNSTILE, Subject.EVENT)
        observer.subscribe(event, self._event)

    def _event(self, message: Message) -> None:
        report = codec.decode(ControllerEvent, message.payload)
        if report.what is ControllerEventKind.UNLOCKED and report.event is not None:
            self.unlocked.put(time.monotonic())


def frame_to_command_ms(track: Track) -> Iterator[Result]:
    """From a readable 720p frame in the camera to the signed command at the broker."""
    frames = _phones(track, "frame_to_command_ms")
    with SmallSite() as site:
        site.start_turnstile("--walk-after", "0")
        to_command, _, unread = _walk_through(site, frames, track)
    plain = [plain_read_ms(frame) for frame in frames]
    yield Result.of(
        "frame_to_command_ms",
        "ms",
        to_command,
        baseline=median(plain),
        baseline_is="zxing-cpp alone on the same frames in grey: no decision, no fsync, no network",
        unread_at_first_sight=unread,
    )


def command_to_open_ms(track: Track) -> Iterator[Result]:
    """From the command at the broker to the turnstile's word, heard elsewhere, that it unlocked."""
    frames = _phones(track, "command_to_open_ms")
    with SmallSite() as site:
        site.start_turnstile("--walk-after", "0")
        trip = median(round_trips_ms(site))
        _, to_open, _ = _walk_through(site, frames, track)
    yield Result.of(
        "command_to_open_ms",
        "ms",
        to_open,
        baseline=trip,
        baseline_is="a bare MQTT QoS 1 message there and one back over the same broker",
    )


def _phones(track: Track, name: str) -> list[Image]:
    set_up_logs("error")
    return [phone.frame() for phone in visitors(VISITORS, track, name)]


def _walk_through(
    site: SmallSite, frames: list[Image], track: Track
) -> tuple[list[float], list[float], int]:
    store = LocalStore(site.folder / "gate")
    store.enrol(site.enrolment(Kind.GATE, GATE), GATE_KEY, site.identity(GATE).key)
    camera, transport, observer = (
        HandedFrames(),
        site.transport(GATE),
        site.transport("observer"),
    )
    watch = _Stopwatch(transport, observer)
    agent = Agent(
        store.identity(),
        store,
        [ReaderPlan(ENTRANCE, camera)],
        NotedFeedback(),
        make_transport=lambda _identity, _will: transport,
        make_clock=lambda _journal: GateClock(battery_clock=True),
    )
    connected = threading.Event()
    observer.on_connection(lambda there: connected.set() if there else None)
    observer.start()
    connected.wait(_WITHIN_S)
    agent.start()
    to_command: list[float] = []
    to_open: list[float] = []
    unread = 0
    for frame in track(frames, "showing phones"):
        camera.hand(frame)
        try:
            commanded = watch.commanded.get(timeout=1.0)
        except queue.Empty:
            unread += 1
            continue
        to_command.append((commanded - camera.handed_at) * 1000)
        to_open.append((watch.unlocked.get(timeout=_WITHIN_S) - commanded) * 1000)
        time.sleep(RELAY_RESTS_S)
    agent.stop()
    observer.stop()
    return to_command, to_open, unread


def plain_read_ms(frame: Image) -> float:
    """What zxing-cpp alone needs for a frame in grey."""
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    began = time.perf_counter()
    ZxingDecoder().read(gray.data)
    return (time.perf_counter() - began) * 1000


def gate_agent_start_s(track: Track) -> Iterator[Result]:
    """From the start of the process to its line `ready`, with server and camera there."""
    yield from _started(track, "gate_agent_start_s", lambda _agent, took: took)


def gate_agent_rss_mb(track: Track) -> Iterator[Result]:
    """Resident memory of the agent and its decoding process, after it has read a pass."""
    yield from _started(track, "gate_agent_rss_mb", lambda agent, _took: _resident_mb(agent))


_BARE = "import cv2, numpy, zxingcpp, cryptography.hazmat.primitives.asymmetric.ed25519, paho.mqtt.client"


def _started(
    track: Track, name: str, measure: Callable[[StartedProcess, float], float]
) -> Iterator[Result]:
    samples: list[float] = []
    alone: list[float] = []
    bare: list[float] = []
    scene = held_phone(static_text(1), View(), seed=1)
    with SmallSite() as site:
        store = LocalStore(site.folder / "gate")
        store.enrol(site.enrolment(Kind.GATE, GATE), GATE_KEY, site.identity(GATE).key)
        scenes = site.folder / "scenes"
        scenes.mkdir()
        settings = gate_settings(site.folder, f"watch:{scenes}")
        cv2.imwrite(str(scenes / "phone.png"), scene)
        run = [sys.executable, "-m", "gate_agent", "run", "--json", "--settings", str(settings)]
        for _ in track(range(STARTS), name):
            for command, into in ((run, samples), (bare_command(), bare)):
                began = time.perf_counter()
                with StartedProcess(
                    command, ready="ready", folder=ROOT, environment=unbuffered()
                ) as process:
                    took = time.perf_counter() - began
                    if command is run:
                        process.wait_for_line('"access_point": "main-gate-in"')
                        process.wait_for_line('"what": "re')
                        alone.append(tree_mb(process.pid)[0])
                    into.append(measure(process, took))
    memory = name.endswith("_mb")
    more = {"agent_without_decoder": round(median(alone), 1)} if memory else {}
    yield Result.of(
        name,
        "MB" if memory else "s",
        samples,
        baseline=median(bare),
        baseline_is="a Python that only imports OpenCV, NumPy, zxing-cpp, cryptography and paho",
        **more,
    )


def bare_command() -> list[str]:
    """A program that only imports: it says that it is ready and stays, until it is told to end."""
    wait = "import signal; print('ready', flush=True); signal.pause()"
    return [sys.executable, "-c", f"{_BARE}; {wait}"]


def _resident_mb(process: StartedProcess) -> float:
    return sum(tree_mb(process.pid))


def tree_mb(pid: int) -> list[float]:
    """Resident memory of a process and of its children, in MB of 10^6 bytes."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    page = os.sysconf("SC_PAGE_SIZE")
    return [
        int(Path(f"/proc/{one}/statm").read_text().split()[1]) * page / 1e6
        for one in [str(pid), *children]
    ]
