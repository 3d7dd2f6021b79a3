"""A machine that is no gate yet: what it shows, and what is held before its camera."""

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from access_protocol import enrolment as enrolments
from access_protocol.enrolment import Ticket
from gate_agent.enrol import EnrolmentFailed, enrol
from gate_agent.enrolling import BETWEEN_TRIES, SAME_CODE_AGAIN, TRIED_FOR, WaitForCode
from gate_agent.feedback.base import Enrolling
from gate_agent.local_store import Identity, LocalStore
from tests.fakes.enrolment_server import AUTHORITY, EnrolmentServer
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.gate_site import ENTRANCE, GATE, enrolment
from tests.fakes.pacing import FakeTime
from tests.fakes.pictures import code

CODE = "ABCD-EFGH-2345-67IJ"
WITHIN = 20.0


class Machine:
    """Waits in a thread of its own, and sees the pictures of a folder."""

    def __init__(self, folder: Path, alive: Callable[[], None] = lambda: None) -> None:
        self.scenes = folder / "scenes"
        self.scenes.mkdir()
        self.store = LocalStore(folder / "gate")
        self.feedback = FakeFeedback()
        self.stop = threading.Event()
        self.identity: Identity | None = None
        source = f"watch:{self.scenes}?fps=50&frames=3"
        self._waiting = WaitForCode(
            self.store, [(ENTRANCE, source)], self.feedback, stop=self.stop, alive=alive
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def show(self, text: str, name: str) -> None:
        fresh = self.scenes / f".{name}.png"
        cv2.imwrite(str(fresh), code(text))
        fresh.rename(self.scenes / f"{name}.png")

    def join(self) -> None:
        self._thread.join(WITHIN)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        self.identity = self._waiting.run()


def ticket(server: EnrolmentServer, code: str = CODE) -> str:
    return Ticket(server.url, code, enrolments.fingerprint(AUTHORITY.public)).text()


def test_a_code_before_the_camera_makes_the_machine_a_gate(tmp_path: Path) -> None:
    with EnrolmentServer({CODE: enrolment()}) as server:
        machine = Machine(tmp_path)
        machine.feedback.wait_for("enrolling", Enrolling.HOLD_CODE)
        machine.show("https://example.org/a-poster", "poster")
        machine.show("GK1:NOT AN ENROLMENT CODE", "pass")
        machine.show(ticket(server), "ticket")
        machine.join()
    assert machine.identity is not None
    assert machine.identity.device == GATE
    assert [step for _, step, _ in machine.feedback.of("enrolling")] == [
        Enrolling.HOLD_CODE,
        Enrolling.WORKING,
        Enrolling.DONE,
    ]


def test_a_code_that_does_not_work_says_why_and_the_machine_goes_on_waiting(
    tmp_path: Path,
) -> None:
    with EnrolmentServer({}) as server:
        machine = Machine(tmp_path)
        machine.show(ticket(server), "spent")
        refused = machine.feedback.wait_for("enrolling", Enrolling.CODE_REFUSED)
        assert "This code is spent or was never made" in str(refused[2])
        assert machine.identity is None
        machine.stop.set()
        machine.join()


@pytest.mark.parametrize("text", ["GKE1:", "GKE1:%%%", "GKE1:" + "A" * 700, "GKE1:6BFOXN"])
def test_what_only_begins_like_a_code_is_refused_by_name(tmp_path: Path, text: str) -> None:
    machine = Machine(tmp_path)
    machine.show(text, "rubbish")
    refused = machine.feedback.wait_for("enrolling", Enrolling.CODE_REFUSED)
    assert "make a new code" in str(refused[2])
    machine.stop.set()
    machine.join()


def test_a_gate_enrolled_at_the_keyboard_meanwhile_begins_to_work(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.feedback.wait_for("enrolling", Enrolling.HOLD_CODE)
    with EnrolmentServer({CODE: enrolment()}) as server:
        enrol(server.url, CODE, machine.store)
    machine.join()
    assert machine.identity is not None


def test_waiting_gives_signs_of_life_and_ends_when_told(tmp_path: Path) -> None:
    rounds = threading.Semaphore(0)
    machine = Machine(tmp_path, alive=rounds.release)
    for _ in range(3):
        assert rounds.acquire(timeout=WITHIN)
    machine.stop.set()
    machine.join()
    assert machine.identity is None


def test_a_server_that_never_answers_holds_nobody_up(tmp_path: Path) -> None:
    time, released, lives = FakeTime(), threading.Event(), list[float]()
    feedback = FakeFeedback()

    def alive() -> None:
        lives.append(time.now)
        time.now += TRIED_FOR.total_seconds() / 4

    waiting = WaitForCode(
        LocalStore(tmp_path),
        [],
        feedback,
        stop=threading.Event(),
        alive=alive,
        enrol=lambda _text, _store: released.wait(WITHIN),
        moment=time.clock,
    )
    waiting._try("GKE1:A")
    released.set()
    refused = feedback.wait_for("enrolling", Enrolling.CODE_REFUSED)
    assert "not answered" in str(refused[2])
    assert len(lives) == 4


def test_codes_are_tried_one_by_one_with_time_between(tmp_path: Path) -> None:
    time, tried = FakeTime(), list[str]()

    def refuse(text: str, _store: LocalStore) -> None:
        tried.append(text)
        raise EnrolmentFailed("no")

    waiting = WaitForCode(
        LocalStore(tmp_path),
        [],
        FakeFeedback(),
        stop=threading.Event(),
        enrol=refuse,
        moment=time.clock,
    )

    def shown(text: str) -> None:
        if waiting._may_try(text):
            waiting._try(text)

    shown("GKE1:A")
    shown("GKE1:B")
    time.now += BETWEEN_TRIES.total_seconds()
    shown("GKE1:A")
    shown("GKE1:B")
    assert tried == ["GKE1:A", "GKE1:B"]
    time.now += SAME_CODE_AGAIN.total_seconds()
    shown("GKE1:A")
    assert tried[-1] == "GKE1:A"
    for number in range(1000):
        time.now += BETWEEN_TRIES.total_seconds()
        shown(f"GKE1:{number}")
    assert len(waiting._tried) <= 100
