"""How soon a relay is on once the camera sees a pass, and how many people a minute go through one turnstile."""

import json
import queue
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from statistics import median

from access_protocol.decision import DenyReason
from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.ids import EventId
from access_protocol.topics import Kind
from bench.entrance import (
    FRAMES_A_SECOND,
    RELAY_RESTS_S,
    HandedFrames,
    NotedFeedback,
    PacedCamera,
    Phone,
    visitors,
)
from bench.gate import plain_read_ms
from bench.network import round_trips_ms
from bench.result import Result, Track, percentile
from bench.site import ENTRANCE, GATE, GATE_KEY, SmallSite
from gate_agent.agent import Agent, ReaderPlan
from gate_agent.camera import Camera
from gate_agent.clock import GateClock
from gate_agent.local_store import LocalStore
from gate_agent.logs import set_up_logs
from gate_agent.vision import Image

SHOWN = 66
"""Phones whose way from camera to relay is measured."""
IN_A_ROW = 54
WITHOUT_A_PAUSE = 12
PASSAGE_MS = 1000
TRIPS_OF_A_DOOR = 1.5
"""There with the ask, back with its answer, there with the command."""
_WITHIN_S = 10.0


def camera_to_relay_ms(track: Track) -> Iterator[Result]:
    """From a readable frame in the camera until the turnstile's relay is on, by its own record."""
    name = "camera_to_relay_ms"
    phones = visitors(SHOWN, track, name)
    frames = [phone.frame() for phone in phones]
    with SmallSite() as site:
        turnstile = site.start_turnstile("--walk-after", "0", "--json")
        camera, told = HandedFrames(), NotedFeedback()
        with _gate(site, camera, told):
            trips = round_trips_ms(site)
            seen = dict(_shown(camera, told, track(frames, name)))
        freed = moments(turnstile.output, ControllerEventKind.UNLOCKED)
    took = [(freed[event] - at) * 1000 for event, (at, _) in seen.items()]
    decided = [(decided_at - at) * 1000 for at, decided_at in seen.values()]
    trip = median(trips)
    yield Result.of(
        name,
        "ms",
        took,
        baseline=median(map(plain_read_ms, frames)) + TRIPS_OF_A_DOOR * trip,
        baseline_is="zxing-cpp alone on the same frames, and one and a half bare round trips of the network",
        network_round_trip_ms=round(trip, 2),
        network_round_trip_p99_ms=round(percentile(trips, 99), 2),
        decided_after_ms=round(median(decided), 2),
        unread_at_first_sight=len(frames) - len(seen),
    )


def people_per_minute(track: Track) -> Iterator[Result]:
    """One turnstile, through which each person takes a second, and a queue of people with phones."""
    name = "people_per_minute"
    phones = visitors(IN_A_ROW + WITHOUT_A_PAUSE, track, name)
    set_up_logs("error")
    with SmallSite() as site:
        turnstile = site.start_turnstile("--walk-after", str(PASSAGE_MS), "--json")
        camera, told = PacedCamera(), NotedFeedback()
        with _gate(site, camera, told):
            began = time.monotonic()
            first = _walk(camera, told, track(phones[:IN_A_ROW], name), ahead=0)
            lasted = time.monotonic() - began
            rest = track(phones[IN_A_ROW:], f"{name}: without a pause")
            second = _walk(camera, told, rest, ahead=1)
        passed = moments(turnstile.output, ControllerEventKind.PASSED)
    rates = [60 / gap for gap in gaps([passed[event] for event in first])]
    yield Result(
        name,
        "people/min",
        len(first),
        a_minute([passed[event] for event in first]),
        percentile(rates, 95),
        percentile(rates, 99),
        a_minute([passed[event] for event in second]),
        "the same turnstile never waiting: each phone held up while the person before walks through",
        {
            "phone_is_held_up": "once the turnstile let the person before through",
            "passage_ms": PASSAGE_MS,
            "possible": round(60_000 / PASSAGE_MS, 1),
            "slowest": round(min(rates), 1),
            "lasted_s": round(lasted, 1),
            "frames_a_second": FRAMES_A_SECOND,
        },
    )


@contextmanager
def _gate(site: SmallSite, camera: Camera, told: NotedFeedback) -> Generator[None]:
    set_up_logs("error")
    store = LocalStore(site.folder / "gate")
    store.enrol(site.enrolment(Kind.GATE, GATE), GATE_KEY, site.identity(GATE).key)
    agent = Agent(
        store.identity(),
        store,
        [ReaderPlan(ENTRANCE, camera)],
        told,
        make_transport=lambda _identity, _will: site.transport(GATE),
        make_clock=lambda _journal: GateClock(battery_clock=True),
    )
    agent.start()
    try:
        yield
    finally:
        agent.stop()


def _shown(
    camera: HandedFrames, told: NotedFeedback, frames: Iterator[Image]
) -> Iterator[tuple[EventId, tuple[float, float]]]:
    """Show one phone after the other; give each access with the moments of its frame and its decision."""
    for frame in frames:
        camera.hand(frame)
        try:
            decided_at, event, reason = told.decided.get(timeout=1.0)
        except queue.Empty:
            continue
        _granted(reason)
        yield event, (camera.handed_at, decided_at)
        _has_passed(told)
        time.sleep(RELAY_RESTS_S)


def _walk(
    camera: PacedCamera, told: NotedFeedback, phones: Iterator[Phone], ahead: int
) -> list[EventId]:
    """Let people through; `ahead` of them may be let in while somebody else still passes."""
    events: list[EventId] = []
    waiting = 0
    for phone in phones:
        frame = phone.frame()
        if waiting > ahead:
            _has_passed(told)
            waiting -= 1
        camera.hold_up(frame)
        _, event, reason = told.decided.get(timeout=_WITHIN_S)
        _granted(reason)
        events.append(event)
        camera.hold_up(None)
        waiting += 1
    for _ in range(waiting):
        _has_passed(told)
    return events


def _granted(reason: DenyReason | None) -> None:
    if reason is not None:
        raise RuntimeError(f"a visitor was refused: {reason}")


def _has_passed(told: NotedFeedback) -> None:
    _, event, outcome = told.ended.get(timeout=_WITHIN_S)
    if outcome is not Outcome.PASSED:
        raise RuntimeError(f"{event}: {outcome}, but somebody should have passed")


def moments(record: str, what: ControllerEventKind) -> dict[EventId, float]:
    """When, by a simulated controller's own record (`--json`), this happened for each access.

    Seconds of the machine's monotonic clock, which all its processes share.
    """
    lines = [json.loads(line) for line in record.splitlines() if line.startswith("{")]
    return {
        EventId(line["event"]): line["moment"]
        for line in lines
        if line["what"] == what and line["event"] is not None
    }


def gaps(moments: Sequence[float]) -> list[float]:
    """Seconds from each moment to the next one."""
    return [after - before for before, after in pairwise(moments)]


def a_minute(moments: Sequence[float]) -> float:
    """How many a minute, by the time from the first to the last of at least two moments."""
    return (len(moments) - 1) * 60 / (moments[-1] - moments[0])
