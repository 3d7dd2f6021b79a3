"""The panel's live page as an open browser tab has it: hears a notice, fetches the fragment again."""

import re
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import httpx

from demo.caller import PATIENCE, Caller
from demo.timeline import StepFailedError

_KEY = re.compile(r'data-key="([^"]+)"')


class LivePage:
    """Watches in a thread of its own and remembers when each access event first stood on the page."""

    def __init__(self, caller: Caller) -> None:
        """Watch as the signed-in `caller`."""
        self._caller = caller
        self._first_shown: dict[str, datetime] = {}
        self._news = threading.Condition()
        self._open = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Open the page and wait until its stream stands."""
        self._thread.start()
        if not self._open.wait(PATIENCE):
            raise StepFailedError("the live stream did not open")
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the page."""
        self._closed.set()

    def shows(self, event: str) -> datetime:
        """Return when the page first showed an access event; raise `StepFailedError` if it does not."""
        with self._news:
            if not self._news.wait_for(lambda: event in self._first_shown, PATIENCE):
                raise StepFailedError("the live page does not show it")
            return self._first_shown[event]

    def _watch(self) -> None:
        try:
            self._follow()
        except (httpx.HTTPError, httpx.StreamError, OSError):
            # The server may end before a page that is closed hears another line.
            if not self._closed.is_set():
                raise

    def _follow(self) -> None:
        with self._caller.live() as lines:
            self._open.set()
            self._fetch()
            for line in lines:
                if self._closed.is_set():
                    return
                if line.startswith("event:"):
                    self._fetch()

    def _fetch(self) -> None:
        shown = _KEY.findall(self._caller.page("/panel/live/events"))
        now = datetime.now(UTC)
        with self._news:
            for event in shown:
                self._first_shown.setdefault(event, now)
            self._news.notify_all()
