"""A network camera: a real HTTP server that sends MJPEG, and that can hang, stop and send rubbish."""

import random
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gate_agent.vision import GrayImage
from tests.fakes.pictures import jpeg

FRAME_S = 0.05


def part(content: bytes) -> bytes:
    """One part of a multipart/x-mixed-replace answer (as Axis and many others send it)."""
    return (
        b"--frame\r\nContent-Type: image/jpeg\r\n"
        + f"Content-Length: {len(content)}\r\n\r\n".encode()
        + content
        + b"\r\n"
    )


@dataclass
class NetworkCamera:
    """Sends `picture`, again and again with a little noise, and does what it is told.

    `before` is called before each frame with its number and may wait; what it returns is sent
    instead of the frame, and None ends the stream.
    """

    picture: GrayImage
    before: Callable[[int], bytes | None] = field(default=lambda _number: b"")
    silent: bool = False
    port: int = 0
    asked: list[str] = field(default_factory=list[str])
    over: threading.Event = field(default_factory=threading.Event)
    pace: float = FRAME_S

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video"

    @contextmanager
    def running(self) -> Generator["NetworkCamera"]:
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        server.daemon_threads = True
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            server.shutdown()
            thread.join(10)
            server.server_close()

    def frames(self) -> Iterator[bytes]:
        for number in range(1, 10_000):
            instead = self.before(number)
            if instead is None or self.over.is_set():
                return
            if instead:
                yield instead
                continue
            noisy = self.picture.copy()
            noisy[:4, :4] = number % 256
            yield part(jpeg(noisy))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.asked.append(self.path)
                if camera.silent:
                    camera.over.wait(30)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                with suppress(OSError):
                    for content in camera.frames():
                        self.wfile.write(content)
                        camera.over.wait(camera.pace)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


def rubbish(size: int = 20_000) -> bytes:
    return random.Random(7).randbytes(size)
