"""The decoding process ends, hangs and lies; the gate goes on."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gate_agent.decoder.base import DecoderDied, DecoderFailed, DecoderOverran
from gate_agent.decoder.process import (
    MAX_PIXELS,
    RESTART_PAUSE_SECONDS,
    START_SECONDS,
    DecodingProcess,
)
from tests.fakes.decoders import ALL_DECODERS
from tests.fakes.pacing import FakeTime
from tests.fakes.pictures import code, finder_sheet, in_a_frame

PASS = "GK1:HELLO"
ENOUGH = 10.0
"""Seconds; a limit for a broken test, not a measure."""


def python(program: str) -> list[str]:
    """A program that stands in for the decoding process; its arguments begin at sys.argv[1]."""
    return [sys.executable, "-c", program]


SAY = """
import json, socket, struct, sys, signal
connection = socket.socket(fileno=int(sys.argv[1]))
def say(content):
    connection.sendall(struct.pack("!I", len(content)) + content)
def greet():
    say(json.dumps({"decoders": ["zxing"], "missing": []}).encode())
"""


@pytest.fixture
def decoders() -> Iterator[DecodingProcess]:
    with DecodingProcess() as running:
        yield running


def test_it_reads_with_each_decoder(decoders: DecodingProcess) -> None:
    frame = in_a_frame(code(PASS))

    assert decoders.decoders == ALL_DECODERS
    for decoder in decoders.decoders:
        assert decoders.read(decoder, frame, ENOUGH) == [PASS]


def test_a_picture_whose_rows_lie_apart_is_read(decoders: DecodingProcess) -> None:
    apart = np.repeat(in_a_frame(code(PASS)), 2, axis=1)[:, ::2]

    assert decoders.read("zxing", apart, ENOUGH) == [PASS]


def test_pictures_of_different_sizes_follow_each_other(decoders: DecodingProcess) -> None:
    assert decoders.read("zxing", in_a_frame(code("LARGE")), ENOUGH) == ["LARGE"]
    assert decoders.read("zxing", code("SMALL"), ENOUGH) == ["SMALL"]


def test_what_overruns_its_deadline_is_ended_and_replaced(decoders: DecodingProcess) -> None:
    before = decoders.pid
    assert before

    with pytest.raises(DecoderOverran):
        decoders.read("zxing", finder_sheet(1), 0.005)

    assert not Path(f"/proc/{before}").exists()
    decoders.start()
    assert decoders.read("zxing", in_a_frame(code(PASS)), ENOUGH) == [PASS]
    assert decoders.restarts == 1


def test_a_process_that_was_killed_is_replaced(decoders: DecodingProcess) -> None:
    before = decoders.pid
    assert before
    os.kill(before, signal.SIGKILL)

    with pytest.raises(DecoderDied):
        decoders.read("zxing", in_a_frame(code(PASS)), ENOUGH)

    decoders.start()
    assert decoders.pid != before
    assert decoders.read("zxing", in_a_frame(code(PASS)), ENOUGH) == [PASS]


def test_a_picture_too_large_for_the_shared_memory_is_refused(decoders: DecodingProcess) -> None:
    with pytest.raises(DecoderFailed):
        decoders.read("zxing", np.zeros((1, MAX_PIXELS + 1), np.uint8), ENOUGH)
    with pytest.raises(DecoderFailed):
        decoders.read("zxing", np.zeros((0, 0), np.uint8), ENOUGH)


def test_two_cameras_share_one_process(decoders: DecodingProcess) -> None:
    read: dict[str, set[str]] = {}

    def camera(text: str) -> None:
        frame = in_a_frame(code(text))
        read[text] = {decoders.read("zxing", frame, ENOUGH)[0] for _ in range(30)}

    threads = [threading.Thread(target=camera, args=(text,)) for text in ("GK1:ONE", "GK1:TWO")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ENOUGH)

    assert read == {"GK1:ONE": {"GK1:ONE"}, "GK1:TWO": {"GK1:TWO"}}


def test_it_holds_nothing_that_is_secret_and_nothing_that_is_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENKAN_GATE_KEY", "secret")
    with DecodingProcess() as decoders:
        process = Path(f"/proc/{decoders.pid}")
        environment = (process / "environ").read_bytes()
        loaded = (process / "maps").read_text()

    assert b"GENKAN" not in environment
    assert "zxingcpp" in loaded
    assert "numpy" not in loaded
    assert "cv2" not in loaded


def test_it_ends_when_the_agent_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from gate_agent.decoder.process import DecodingProcess\n"
        "decoders = DecodingProcess(); decoders.start()\n"
        "print(decoders.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as agent:
        assert agent.stdout
        ended = os.pidfd_open(int(agent.stdout.readline()))
        agent.kill()

        readable, _, _ = select.select([ended], [], [], ENOUGH)
        os.close(ended)

    assert readable


def test_a_closed_one_reads_nothing_and_may_be_closed_again() -> None:
    decoders = DecodingProcess()
    decoders.start()
    pid = decoders.pid

    decoders.close()
    decoders.close()

    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(DecoderDied):
        decoders.read("zxing", code(PASS), ENOUGH)


def test_one_that_does_not_start_is_tried_again_after_a_pause() -> None:
    time = FakeTime()
    decoders = DecodingProcess(clock=time.clock, program=python("raise SystemExit(1)"))
    for _ in range(3):
        with pytest.raises(DecoderDied):
            decoders.read("zxing", code(PASS), ENOUGH)
    assert decoders.restarts == 1

    time.now += RESTART_PAUSE_SECONDS
    with pytest.raises(DecoderDied):
        decoders.read("zxing", code(PASS), ENOUGH)

    assert decoders.restarts == 2
    decoders.close()


def test_one_that_never_says_hello_is_given_up_at_last() -> None:
    time = FakeTime()
    decoders = DecodingProcess(clock=time.clock, program=python("import signal; signal.pause()"))
    with pytest.raises(DecoderDied, match="still starting"):
        decoders.read("zxing", code(PASS), 0.01)
    assert decoders.restarts == 0

    time.now += START_SECONDS + 1
    with pytest.raises(DecoderDied):
        decoders.read("zxing", code(PASS), 0.01)

    assert decoders.restarts == 1
    decoders.close()


@pytest.mark.parametrize(
    "answer",
    [
        "say(b'not json')",
        "say(b'[]')",
        "say(b'{}')",
        """say(b'{"texts": [1]}')""",
        "say(b'[' * 100000)",
        "connection.sendall(b'\\xff\\xff\\xff\\xff')",
        "connection.close()",
    ],
)
def test_one_that_was_taken_over_and_talks_nonsense_is_replaced(answer: str) -> None:
    program = f"{SAY}\ngreet()\nconnection.recv(100)\n{answer}\nsignal.pause()"
    decoders = DecodingProcess(program=python(program))
    decoders.start()

    with pytest.raises(DecoderDied):
        decoders.read("zxing", code(PASS), ENOUGH)

    assert decoders.restarts == 1
    decoders.close()


def test_a_picture_that_a_library_gives_up_on_costs_no_restart() -> None:
    program = f"""{SAY}\ngreet()\nconnection.recv(100)\nsay(b'{{"failed": "ValueError: no"}}')\n"""
    decoders = DecodingProcess(program=python(program + "signal.pause()"))
    decoders.start()

    with pytest.raises(DecoderFailed, match="ValueError: no"):
        decoders.read("zxing", code(PASS), ENOUGH)

    assert decoders.restarts == 0
    decoders.close()


def test_a_process_that_the_machine_cannot_start_is_a_decoder_that_failed() -> None:
    decoders = DecodingProcess(program=("/nowhere/python",))

    with pytest.raises(DecoderDied):
        decoders.read("zxing", code(PASS), ENOUGH)

    decoders.close()


def test_a_missing_library_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    program = python(
        "import sys; sys.modules['pyzbar'] = None\n"
        "from gate_agent.decoder.child import main; main()"
    )
    with DecodingProcess(program=program) as decoders:
        with pytest.raises(DecoderOverran):
            decoders.read("zxing", finder_sheet(1), 0.005)
        decoders.start()

        assert decoders.read("zxing", code(PASS), ENOUGH) == [PASS]

        with pytest.raises(DecoderFailed, match="no decoder zbar"):
            decoders.read("zbar", code(PASS), ENOUGH)
        assert decoders.restarts == 1

    assert [record.getMessage() for record in caplog.records] == ["decoder_missing"]
    assert decoders.decoders == ALL_DECODERS - {"zbar"}
