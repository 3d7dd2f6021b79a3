"""Lets what open pages fetch by themselves go in single file, so that whoever else asks is not behind hundreds of them.

A door opens, and five hundred pages fetch a part at the same moment. Threads that all compute share the processor,
and a small request among fifty of them takes fifty times as long. So of such fetches a few go at a time, and the
others wait without any work. Who waits for what another renders lets the next one pass meanwhile.
"""

import os
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

AT_A_TIME = max(2, os.cpu_count() or 1)
"""More threads than processors would only share them."""
_mine = threading.local()


class Lane:
    """Wraps a WSGI application: fetches of a page's parts (htmx, GET) pass so many at a time, all else passes by."""

    def __init__(self, app: "WSGIApplication", at_a_time: int = AT_A_TIME) -> None:
        """Begin with all places free."""
        self._app = app
        self._places = threading.Semaphore(at_a_time)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, in the lane where it belongs there."""
        if environ["REQUEST_METHOD"] != "GET" or environ.get("HTTP_HX_REQUEST") != "true":
            return self._app(environ, start_response)
        with self._places:
            _mine.places = self._places
            try:
                return self._app(environ, start_response)
            finally:
                _mine.places = None


@contextmanager
def stepped_aside() -> Generator[None]:
    """Wait for another thread without keeping those behind from passing."""
    places: threading.Semaphore | None = getattr(_mine, "places", None)
    if places is None:
        yield
        return
    places.release()
    try:
        yield
    finally:
        places.acquire()
