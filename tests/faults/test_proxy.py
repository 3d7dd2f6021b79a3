"""The line between device and broker does what the faults say of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults.proxy import FAIR, HALF_OPEN, Line, Weather


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says everything back."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(taken: socket.socket) -> None:
            with taken, suppress(OSError):
                while said := taken.recv(4096):
                    taken.sendall(said)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken, _ = server.accept()
                    threading.Thread(target=serve, args=[taken], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]


def connected(line: Line, patience: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), patience)


def says(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(4096)


def test_a_fair_line_passes_every_byte(echo: int) -> None:
    with Line(echo) as line, connected(line) as device:
        assert says(device, bytes(range(256))) == bytes(range(256))


def test_a_cut_line_ends_what_is_connected_and_takes_the_next(echo: int) -> None:
    with Line(echo) as line, connected(line) as device:
        assert says(device, b"one") == b"one"
        line.cut()
        assert device.recv(1) == b""
        with connected(line) as again:
            assert says(again, b"two") == b"two"


def test_a_line_that_is_down_takes_nobody(echo: int) -> None:
    with Line(echo) as line:
        line.becomes(Weather(down=True))
        with connected(line) as device:
            assert device.recv(1) == b""
        line.becomes(FAIR)
        with connected(line) as device:
            assert says(device, b"one") == b"one"


def test_a_half_open_connection_is_silent_for_good_and_a_new_one_is_not(echo: int) -> None:
    with Line(echo) as line, connected(line, 0.2) as device:
        assert says(device, b"one") == b"one"
        line.becomes(HALF_OPEN)
        with pytest.raises(TimeoutError):
            says(device, b"two")
        line.becomes(FAIR)
        with pytest.raises(TimeoutError):
            says(device, b"three")
        with connected(line) as again:
            assert says(again, b"four") == b"four"


def test_a_reply_can_be_lost_alone(echo: int) -> None:
    with Line(echo) as line, connected(line, 0.2) as device:
        line.becomes(Weather(silent_down=True))
        with pytest.raises(TimeoutError):
            says(device, b"one")


def test_a_bad_line_breaks_sooner_or_later(echo: int) -> None:
    with Line(echo, seed=1) as line, connected(line) as device:
        line.becomes(Weather(breaks=0.5, jitter=0.001))
        with suppress(OSError):
            while says(device, b"one"):
                pass
        with connected(line) as again:
            line.becomes(FAIR)
            assert says(again, b"two") == b"two"
