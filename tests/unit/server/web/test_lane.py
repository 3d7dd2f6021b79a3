"""Hundreds of pages that fetch a part at once do not stand before whoever asks for something else."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from server.web.lane import Lane, stepped_aside
from server.web.shared import Shared

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DEADLINE = 60.0
PART = {"HX-Request": "true"}
AT_A_TIME = 2
MANY = 12


class Slow:
    """An application that answers /slow when it is let, and the rest at once; it counts who is in it together."""

    def __init__(self) -> None:
        self.entered, self.may_leave = threading.Semaphore(0), threading.Semaphore(0)
        self.together = self.most = 0
        self._lock = threading.Lock()
        self._shared = Shared()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path = Request(environ).path
        text = {"/slow": self._slow, "/aside": self._aside, "/shared": self._together}
        return Response(text.get(path, lambda: "at once")())(environ, start_response)

    def _slow(self) -> str:
        with self._lock:
            self.together += 1
            self.most = max(self.most, self.together)
        self.entered.release()
        assert self.may_leave.acquire(timeout=DEADLINE)
        with self._lock:
            self.together -= 1
        return "slow"

    def _aside(self) -> str:
        with stepped_aside():
            return self._slow()

    def _together(self) -> str:
        return self._shared.render("part", self._slow)


def fetch(client: Client, path: str, headers: dict[str, str] | None = None) -> str:
    return client.get(path, headers=headers or {}).text


def test_parts_are_fetched_a_few_at_a_time_and_all_else_passes_by() -> None:
    app = Slow()
    client = Client(Lane(app, AT_A_TIME))
    with ThreadPoolExecutor(MANY) as pool:
        parts = [pool.submit(fetch, client, "/slow", PART) for _ in range(MANY)]
        for _ in range(AT_A_TIME):
            assert app.entered.acquire(timeout=DEADLINE)
        assert fetch(client, "/") == "at once"
        assert client.post("/", headers=PART).text == "at once"
        for _ in range(MANY):
            app.may_leave.release()
        assert {each.result(DEADLINE) for each in parts} == {"slow"}
    assert app.most == AT_A_TIME


def test_who_waits_for_another_lets_the_next_pass() -> None:
    app = Slow()
    client = Client(Lane(app, 1))
    with ThreadPoolExecutor(MANY) as pool:
        waiting = [pool.submit(fetch, client, "/aside", PART) for _ in range(MANY)]
        for _ in range(MANY):
            assert app.entered.acquire(timeout=DEADLINE)
        assert fetch(client, "/", PART) == "at once"
        for _ in range(MANY):
            app.may_leave.release()
        assert {each.result(DEADLINE) for each in waiting} == {"slow"}
    assert fetch(client, "/", PART) == "at once"


def test_a_part_that_is_rendered_for_many_needs_one_place_for_all_of_them() -> None:
    app = Slow()
    client = Client(Lane(app, 2))
    with ThreadPoolExecutor(MANY) as pool:
        parts: list[Future[str]] = [
            pool.submit(fetch, client, "/shared", PART) for _ in range(MANY)
        ]
        assert app.entered.acquire(timeout=DEADLINE)
        # One renders; the second place is free again and again while all others come and wait.
        assert fetch(client, "/", PART) == "at once"
        for _ in range(MANY):
            app.may_leave.release()
        assert {each.result(DEADLINE) for each in parts} == {"slow"}
    assert app.most == 1


def test_a_place_is_free_again_after_an_application_that_fails() -> None:
    def fails(_environ: "WSGIEnvironment", _start: "StartResponse") -> Iterable[bytes]:
        raise LookupError

    lane = Lane(fails, 1)
    for _ in range(3):
        try:
            Client(lane).get("/", headers=PART)
        except LookupError:
            continue
        raise AssertionError
