"""The display's pages over HTTP: what they hand out, to whom, and how an event gets there."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from access_protocol.decision import AccessDecision, DenyReason
from access_protocol.ids import AccessPointId, EventId
from gate_agent.display.board import DisplayFeedback
from gate_agent.display.server import (
    MOST_PAGES,
    DisplayOptions,
    DisplayServer,
    DisplayUnavailable,
)
from tests.fakes.gate_site import ENTRANCE

ROOM = AccessPointId("sakura-in")
WITHIN_S = 10


@pytest.fixture
def display() -> Iterator[DisplayServer]:
    options = DisplayOptions(arrows=((ENTRANCE, "left"), (ROOM, "ahead")))
    server = DisplayServer(DisplayFeedback([ENTRANCE, ROOM]), options, 0)
    server.start()
    yield server
    server.close()


def port(display: DisplayServer) -> int:
    return int(display.server_address[1])


def get(
    display: DisplayServer, path: str, method: str = "GET", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port(display), timeout=WITHIN_S)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


class Stream:
    """An event stream that is read event by event."""

    def __init__(self, display: DisplayServer, path: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port(display), timeout=WITHIN_S)
        self._connection.request("GET", path)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200

    def next(self) -> dict[str, object]:
        while line := self._answer.readline():
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
        raise AssertionError("the stream has ended")

    def ended(self) -> bool:
        return all(not line.startswith(b"data") for line in self._answer)

    def close(self) -> None:
        self._connection.close()


@pytest.mark.parametrize("path", [f"/{ENTRANCE}", f"/{ROOM}"])
def test_each_access_point_has_its_page(display: DisplayServer, path: str) -> None:
    status, headers, text = get(display, path)
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "http" not in text.replace("http-equiv", "")  # nothing comes from anywhere else


def test_a_gate_with_several_readers_lists_its_displays(display: DisplayServer) -> None:
    text = get(display, "/")[2]
    assert f'href="/{ENTRANCE}"' in text
    assert f'href="/{ROOM}"' in text


@pytest.mark.parametrize(
    "path",
    ["/other", "/other/events", "/../settings.py", "/static/display.js", "/%2e%2e/x", "/<script>"],
)
def test_nothing_else_is_handed_out(display: DisplayServer, path: str) -> None:
    status, _, text = get(display, path)
    assert status == 404
    assert path not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent_to_it(display: DisplayServer, method: str) -> None:
    assert get(display, "/", method)[0] == 501


def test_a_page_of_somebody_else_cannot_ask_it(display: DisplayServer) -> None:
    assert get(display, f"/{ENTRANCE}/events", Host="gate.attacker.example")[0] == 421


def test_it_listens_on_this_machine_alone(display: DisplayServer) -> None:
    assert display.socket.getsockname()[0] == "127.0.0.1"


def test_a_page_hears_what_happens_at_its_access_point_only(display: DisplayServer) -> None:
    stream = Stream(display, f"/{ENTRANCE}/events")
    assert screen(stream.next()) == "idle"
    display.feedback.reading(ROOM)
    decision = AccessDecision(DenyReason.EXPIRED)
    display.feedback.refused(ENTRANCE, EventId("1"), DenyReason.EXPIRED, decision)
    assert screen(stream.next()) == "refused"
    stream.close()


def test_a_page_that_comes_later_sees_what_stands_there_now(display: DisplayServer) -> None:
    display.feedback.hold_still(ENTRANCE)
    stream = Stream(display, f"/{ENTRANCE}/events")
    assert screen(stream.next()) == "hold_still"
    stream.close()


def test_more_pages_than_there_is_room_for_are_turned_away(display: DisplayServer) -> None:
    streams = [Stream(display, f"/{ENTRANCE}/events") for _ in range(MOST_PAGES)]
    with pytest.raises((http.client.HTTPException, OSError)):
        get(display, f"/{ENTRANCE}")
    for stream in streams:
        stream.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"A" * 70_000,
    ],
)
def test_what_is_no_request_ends_in_a_refusal_and_the_next_one_is_served(
    display: DisplayServer, sent: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", port(display)), WITHIN_S) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    assert get(display, f"/{ENTRANCE}")[0] == 200


def test_a_gate_that_stops_ends_its_streams() -> None:
    server = DisplayServer(DisplayFeedback([]), DisplayOptions(), 0)
    server.start()
    stream = Stream(server, "/events")
    assert screen(stream.next()) == "idle"
    server.close()
    assert stream.ended()
    stream.close()


def test_a_port_that_is_taken_is_said(display: DisplayServer) -> None:
    with pytest.raises(DisplayUnavailable, match=str(port(display))):
        DisplayServer(DisplayFeedback([]), DisplayOptions(), port(display))


def test_tokens_and_icons_are_the_servers() -> None:
    program = Path(__file__).parents[4] / "scripts/display-assets"
    checked = subprocess.run(
        [sys.executable, str(program), "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def screen(told: dict[str, object]) -> object:
    shown = told["screen"]
    assert isinstance(shown, dict)
    return shown["what"]  # pyright: ignore[reportUnknownVariableType]
