"""How soon 500 open pages show a step after the door's report, and what a small request beside them notices."""

import asyncio
import multiprocessing
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

import httpx

from bench.open_pages import Fragment, Page, Served
from bench.real_site import Guest, RealSite
from bench.result import Result, Track, percentile
from bench.turnstiles import ToldTurnstile
from demo.stage import Stage

SHORT = "GENKAN_BENCH_SHORT"
"""Set, it makes the measurement short: a tenth of the pages, for a quarter of a minute."""
A_SECOND = 3
TURNSTILES = 6
WALK_S = 1.0
"""Between the gate's decision and the turnstile's report that somebody passed."""
ALONE = 12
"""Reports while one visit page and one panel page are open."""
LANGUAGES = ("ja", "en", "zh")
STAFF = ("admin@genkan.example", "security@genkan.example")
_ASKED_EVERY_S = 0.1
_STARTS_S = 3.0
"""The process that asks begins before anything is measured."""
_SMALL_VIEW = "/api/v1/sites"
_WITHIN_S = 60.0
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_AWAITED = b'id="coming"'
"""On a visitor's page for as long as they have not come."""
_NOW = "/panel/live/now"
_FRAGMENTS = (
    Fragment(
        _NOW, frozenset({"access", "occupancy", "visits", "alarms", "doors", "devices"}), 0.02
    ),
    Fragment("/panel/live/rooms", frozenset({"meeting", "visits"})),
    Fragment("/panel/lockdown/banner", frozenset({"lockdown"})),
)
"""What the panel's live page fetches; `panel/live.html` and `panel.html` say the same."""


class _Scale(NamedTuple):
    visit_pages: int
    panel_pages: int
    seconds: int


FULL, BRIEF = _Scale(450, 50, 60), _Scale(45, 5, 15)


def door_to_page_ms(track: Track) -> Iterator[Result]:
    """From a turnstile's report until the visitor's page, and each page of the panel, shows who passed."""
    name = "door_to_page_ms"
    scale = BRIEF if os.environ.get(SHORT) else FULL
    with RealSite(_Stage()) as site, ExitStack() as stack:
        turnstiles = [
            stack.enter_context(ToldTurnstile(site, f"hall-{number}"))
            for number in track(range(TURNSTILES), f"{name}: enrolling")
        ]
        invited = site.invited_with_links(scale.visit_pages + ALONE)
        hall = _Hall(site, turnstiles)
        tickets = [hall.ticket(*each) for each in track(invited, f"{name}: opening links")]
        staff = [hall.staff(email) for email in STAFF]
        asked = _Asked(site, staff[0], stack)
        asked.meanwhile(lambda: time.sleep(_STARTS_S))
        quiet = asked.meanwhile(lambda: time.sleep(scale.seconds / 4))
        alone = _Seen()
        beside_one = asked.meanwhile(
            lambda: asyncio.run(_alone(hall, tickets[:ALONE], staff[0], alone))
        )
        seen = _Seen()
        beside_all = asked.meanwhile(
            lambda: asyncio.run(_all(hall, tickets[ALONE:], staff, scale, seen))
        )
    more = {
        "pages": scale.visit_pages + scale.panel_pages,
        "reports_a_second": A_SECOND,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    yield Result.of(
        name,
        "ms",
        seen.visits,
        baseline=median(alone.visits),
        baseline_is="the same with one visit page and one panel page open",
        baseline_p95=round(percentile(alone.visits, 95), 1),
        **more,
        fetches=seen.fetches,
    )
    yield Result.of(
        "door_to_panel_ms",
        "ms",
        seen.panels,
        baseline=median(alone.panels),
        baseline_is="the same with one visit page and one panel page open",
        baseline_p95=round(percentile(alone.panels, 95), 1),
        **more,
    )
    yield Result.of(
        "request_ms_beside_open_pages",
        "ms",
        beside_all,
        baseline=median(beside_one),
        baseline_is="the same requests and reports with one visit page and one panel page open",
        baseline_p95=round(percentile(beside_one, 95), 1),
        quiet=round(median(quiet), 2),
        quiet_p95=round(percentile(quiet, 95), 2),
        **more,
    )


class _Stage(Stage):
    """The demo's site; all of these visitors come from one address."""

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "GENKAN_LIMITS_FACTOR": "1000"}


class _Ticket(NamedTuple):
    """A visitor with an open link, and the cookies of their phone."""

    guest: Guest
    token: str
    cookies: str


@dataclass
class _Seen:
    """How long it took, in milliseconds."""

    visits: list[float] = field(default_factory=list[float])
    panels: list[float] = field(default_factory=list[float])
    fetches: int = 0


class _Hall:
    """The site as doors, phones and screens see it."""

    def __init__(self, site: RealSite, turnstiles: Sequence[ToldTurnstile]) -> None:
        stage = site.stage
        self.turnstiles = turnstiles
        self.served = Served(stage.url, stage.live_url, stage.trust)
        self._password = site.password

    def ticket(self, guest: Guest, link: str) -> _Ticket:
        """Press the button on the page behind a link, on a phone that nobody else has."""
        token = link.rpartition("/")[2]
        with self._client() as phone:
            page = phone.get(f"/v/{token}").raise_for_status()
            found = _TOKEN.search(page.text)
            if found is None:
                raise RuntimeError("no button behind the link")
            opened = phone.post(f"/v/{token}/open", headers={"X-CSRF-Token": found[1]})
            if opened.is_error:
                raise RuntimeError(f"the link did not open: {opened.status_code}")
            return _Ticket(guest, token, _cookies(phone))

    def staff(self, email: str) -> str:
        """Sign in, and return the cookies."""
        with self._client() as client:
            said = {"email": email, "password": self._password}
            client.post("/api/v1/session", json=said).raise_for_status()
            return _cookies(client)

    def visit_page(self, ticket: _Ticket, number: int, shown: "_Shown") -> Page:
        """The page behind a visitor's link."""
        path = f"/v/{ticket.token}/parts"
        headers = {"Cookie": ticket.cookies, "Accept-Language": LANGUAGES[number % 3]}
        fragments = [Fragment(path, frozenset({"visitor"}))]
        return Page(self.served, f"/live/visitor/{ticket.token}", fragments, headers, shown)

    def panel_page(self, cookies: str, number: int, shown: "_Shown") -> Page:
        """The panel's live page."""
        headers = {"Cookie": cookies, "Accept-Language": LANGUAGES[number % 3]}
        return Page(self.served, "/live", _FRAGMENTS, headers, shown)

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.served.web, verify=self.served.trust, timeout=_WITHIN_S)


_Shown = Callable[[str, bytes, float], None]


class _Watch:
    """What has been reported, and which page has shown it."""

    def __init__(self, panel_pages: int, seen: _Seen) -> None:
        self._seen = seen
        self._panel_pages = panel_pages
        self._reported: dict[str, float] = {}
        self._on_panels: dict[str, set[int]] = {}
        self._on_visit: set[str] = set()
        self._lock = threading.Lock()

    def report(self, guest: Guest, at: float) -> None:
        """A turnstile has just told that they passed."""
        with self._lock:
            self._reported[guest.credential] = at

    def visit(self, guest: Guest) -> _Shown:
        """What to call when their own page was fetched."""

        def shown(_path: str, text: bytes, at: float) -> None:
            began = self._reported.get(guest.credential)
            if began is None or guest.credential in self._on_visit or _AWAITED in text:
                return
            self._on_visit.add(guest.credential)
            self._seen.visits.append((at - began) * 1000)

        return shown

    def panel(self, number: int) -> _Shown:
        """What to call when a fragment of this page of the panel was fetched."""
        waiting = set[str]()
        known = 0

        def shown(path: str, text: bytes, at: float) -> None:
            nonlocal known
            if path != _NOW:
                return
            with self._lock:
                reported = list(self._reported.items())
            waiting.update(credential for credential, _ in reported[known:])
            known = len(reported)
            for credential in [each for each in waiting if each.encode() in text]:
                waiting.remove(credential)
                self._on_panels.setdefault(credential, set()).add(number)
                self._seen.panels.append((at - self._reported[credential]) * 1000)

        return shown

    def missing(self) -> int:
        """How many pages have yet to show what they should."""
        on_panels = sum(len(each) for each in self._on_panels.values())
        reported = len(self._reported)
        return reported * (1 + self._panel_pages) - on_panels - len(self._on_visit)


async def _alone(hall: _Hall, tickets: Sequence[_Ticket], cookies: str, seen: _Seen) -> None:
    """Let each visitor pass while nothing but their own page and one of the panel is open."""
    watch = _Watch(1, seen)
    panel = hall.panel_page(cookies, 0, watch.panel(0))
    await panel.open()
    for number, ticket in enumerate(tickets):
        page = hall.visit_page(ticket, number, watch.visit(ticket.guest))
        await page.open()
        turnstile = hall.turnstiles[number % TURNSTILES]
        await asyncio.to_thread(_pass, turnstile, ticket.guest, watch, time.monotonic())
        await _until_shown(watch, [page, panel])
        await page.close()
    await panel.close()


async def _all(
    hall: _Hall, tickets: Sequence[_Ticket], staff: Sequence[str], scale: _Scale, seen: _Seen
) -> None:
    """Let visitors pass at a steady pace while every page is open."""
    watch = _Watch(scale.panel_pages, seen)
    pages = [
        hall.visit_page(each, number, watch.visit(each.guest))
        for number, each in enumerate(tickets)
    ]
    pages += [
        hall.panel_page(staff[number % len(staff)], number, watch.panel(number))
        for number in range(scale.panel_pages)
    ]
    for page in pages:
        await page.open()
    begins = time.monotonic() + 1
    passing = tickets[: A_SECOND * scale.seconds]
    with ThreadPoolExecutor(TURNSTILES) as people:
        loop = asyncio.get_running_loop()
        walks = [
            loop.run_in_executor(
                people,
                _pass,
                hall.turnstiles[number % TURNSTILES],
                ticket.guest,
                watch,
                begins + number / A_SECOND,
            )
            for number, ticket in enumerate(passing)
        ]
        await asyncio.gather(*walks)
        await _until_shown(watch, pages)
    seen.fetches = sum(page.fetches for page in pages)
    for page in pages:
        await page.close()


def _pass(turnstile: ToldTurnstile, guest: Guest, watch: _Watch, at: float) -> None:
    """Let somebody in at this moment, and through a second later."""
    time.sleep(max(0.0, at - time.monotonic()))
    coming = turnstile.lets_in(guest.credential)
    time.sleep(WALK_S)
    watch.report(guest, time.monotonic())
    turnstile.passed(coming)


async def _until_shown(watch: _Watch, pages: Sequence[Page]) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while missing := watch.missing():
        for page in pages:
            page.raise_what_failed()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{missing} times a page did not show who passed")
        await asyncio.sleep(0.05)


class _Asked:
    """Somebody else who uses the server, in a process of their own."""

    def __init__(self, site: RealSite, cookies: str, stack: ExitStack) -> None:
        self._about = site.stage.url, site.stage.root, cookies
        context = multiprocessing.get_context("spawn")
        self._pool = stack.enter_context(ProcessPoolExecutor(1, mp_context=context))
        self._events = stack.enter_context(multiprocessing.Manager())

    def meanwhile(self, do: Callable[[], None]) -> list[float]:
        """Return the milliseconds of small requests while something else is done."""
        over = self._events.Event()
        took: Future[list[float]] = self._pool.submit(_ask, *self._about, over)
        try:
            do()
        finally:
            over.set()
        return took.result(_WITHIN_S)


def _ask(url: str, root: Path, cookies: str, over: threading.Event) -> list[float]:
    took: list[float] = []
    trust = ssl.create_default_context(cafile=root)
    headers = {"Cookie": cookies}
    with httpx.Client(base_url=url, verify=trust, timeout=_WITHIN_S, headers=headers) as client:
        while not (took and over.wait(_ASKED_EVERY_S)):
            began = time.monotonic()
            client.get(_SMALL_VIEW).raise_for_status()
            took.append((time.monotonic() - began) * 1000)
    return took


def _cookies(client: httpx.Client) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())
