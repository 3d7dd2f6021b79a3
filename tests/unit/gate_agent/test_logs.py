"""The gate's log: one line an event with its fields, for people or collectors, without secrets."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from access_protocol.enrolment import Ticket
from gate_agent.logs import HIDDEN, LineFormatter, Log, Style
from tests.fakes.gate_site import static

TICKET = Ticket("http://genkan.example", "ABCD-EFGH-2345-67IJ", bytes(32)).text()
ROOT = Path(__file__).parents[3]


def line(style: Style, caplog: pytest.LogCaptureFixture, event: str, **fields: object) -> str:
    caplog.set_level("INFO")
    Log("gate_agent.reader").info(event, **fields)
    return LineFormatter(style).format(caplog.records[-1])


def test_a_line_for_people_has_time_level_event_and_fields(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said = line("console", caplog, "camera_lost", access_point="main-gate-in", why="no picture")
    at, rest = said.split(" ", 1)
    assert at.endswith("Z")
    assert rest == '[info] camera_lost access_point=main-gate-in why="no picture"'


def test_a_line_for_collectors_is_one_json_object(caplog: pytest.LogCaptureFixture) -> None:
    said = json.loads(line("json", caplog, "knowledge", section="policy", version=3))
    assert said.pop("at")
    assert said == {
        "level": "info",
        "logger": "gate_agent.reader",
        "event": "knowledge",
        "section": "policy",
        "version": 3,
    }


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("smtp_password", "hunter2", "hunter2"),
        ("why", f"cannot read {static()}", static()[4:]),
        ("missing", [f"zbar: {static()}"], static()[4:]),
        ("broker", "mqtt://gate-1:hunter2@broker", "hunter2"),
        ("code", "ABCD-EFGH-2345-67IJ", "ABCD"),
        ("why", f"cannot read {TICKET}", TICKET[5:]),
    ],
)
def test_no_line_holds_a_secret(
    caplog: pytest.LogCaptureFixture, style: Style, name: str, value: object, secret: str
) -> None:
    said = line(style, caplog, "something", **{name: value})
    assert secret not in said
    assert HIDDEN in said


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_field_begins_a_line_of_its_own(caplog: pytest.LogCaptureFixture, style: Style) -> None:
    said = line(style, caplog, "malformed_message", why="x\n2026 [info] granted\x1b[2J\u0085")
    assert said.isprintable() or style == "json"
    assert "\n" not in said
    assert "\x1b" not in said


def test_an_error_is_logged_with_where_it_came_from_but_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        int(f"not read: {static()}")
    except ValueError:
        Log("gate_agent.reader").exception("reader_failed")
    for style in ("console", "json"):
        said = LineFormatter(style).format(caplog.records[-1])
        assert "test_logs.py" in said
        assert static()[4:] not in said


def test_what_a_library_logs_takes_the_same_way(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    logging.getLogger("paho").info("connecting as %s", "mqtt://gate-1:hunter2@broker")
    said = LineFormatter("console").format(caplog.records[-1])
    assert said.endswith(f"[info] connecting as mqtt://gate-1:{HIDDEN}@broker")


def test_a_running_gate_has_loaded_nothing_that_it_does_not_need() -> None:
    """Each of these was measured to cost megabytes; docs/adr/0011 has the figures."""
    program = (
        "import sys, gate_agent.running, access_protocol.transport.mqtt\n"
        "print(*{'structlog', 'rich', 'typer', 'gpiozero', 'flask'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
