"""Speaks to the server over HTTP as a browser would: signs in, keeps the cookie, sends the token back."""

import ssl
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx

from demo.timeline import StepFailedError

PATIENCE = 60.0
"""Seconds until what should have happened counts as not happened."""
_PAUSE = 0.05

T = TypeVar("T")


class Caller:
    """One signed-in person."""

    def __init__(self, url: str, live_url: str, trust: ssl.SSLContext | None = None) -> None:
        """Call the web process at `url` and the live process at `live_url`.

        Over HTTPS they must be whom `trust` believes; None: whom everybody believes.
        """
        self._live_url = live_url
        self._client = httpx.Client(base_url=url, timeout=PATIENCE, verify=trust or True)

    def sign_in(self, email: str, password: str) -> Self:
        """Begin a session; its cookie goes with every later call."""
        me = self.post("/api/v1/session", {"email": email, "password": password})
        self._client.headers["X-CSRF-Token"] = me["csrf_token"]
        return self

    def get(self, path: str, **query: str | int | bool) -> Any:  # noqa: ANN401 - whatever JSON came
        """Return the JSON at `path`."""
        return self._json(self._client.get(path, params=query))

    def page(self, path: str) -> str:
        """Return the HTML at `path`."""
        response = self._client.get(path)
        self._check(response)
        return response.text

    def bytes(self, path: str) -> bytes:
        """Return what is at `path` as it is."""
        response = self._client.get(path)
        self._check(response)
        return response.content

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON came
        """Send `body` as JSON and return the JSON that came back."""
        return self._json(self._client.post(path, json=body))

    def put(self, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON came
        """Put `body` as JSON in the place of what is at `path`, and return the JSON that came back."""
        return self._json(self._client.put(path, json=body))

    def patch(self, path: str, body: object) -> Any:  # noqa: ANN401 - whatever JSON came
        """Change with `body` as JSON what is at `path`, and return the JSON that came back."""
        return self._json(self._client.patch(path, json=body))

    def delete(self, path: str) -> None:
        """Delete what is at `path`."""
        self._check(self._client.delete(path))

    @contextmanager
    def live(self) -> Generator[Iterator[str]]:
        """Open the event stream as a page does; gives its lines."""
        with self._client.stream("GET", f"{self._live_url}/live") as response:
            self._check(response)
            yield response.iter_lines()

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _json(self, response: httpx.Response) -> Any:  # noqa: ANN401 - whatever JSON came
        self._check(response)
        return response.json() if response.content else None

    def _check(self, response: httpx.Response) -> None:
        if response.is_error:
            response.read()
            request = response.request
            raise StepFailedError(
                f"{request.method} {request.url.path}: {response.status_code} {response.text[:500]}"
            )


def wait_for(what: str, look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Return what `look` finds, looking again and again; raise `StepFailedError` if it never does."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(_PAUSE)
    raise StepFailedError(f"{what}: not within {patience:.0f} s")
