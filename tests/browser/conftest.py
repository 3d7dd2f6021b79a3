"""What browser tests share: one Chromium, a fresh context a test, and no error in its console."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import SOCK_DGRAM

import pytest
from flask import Response
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from pydantic import AnyHttpUrl
from werkzeug.serving import make_server

from demo.chromium import DESKTOP, PHONE, start_chromium
from demo.ports import free_port
from demo.program import StartedProcess
from server.app import create_app, create_office
from server.kernel.clock import FixedClock
from server.kernel.settings import Settings
from server.visits.models import Visitor
from tests.fakes.panel_site import NOON, PASSWORD, PanelSite, busy_day

OpenContext = Callable[..., BrowserContext]

PATIENCE_MS = 60_000
"""On a machine that is busy with other things a page takes its time; one that is as expected is not waited for."""
expect.set_options(timeout=PATIENCE_MS)


# For a module, not for the session: playwright keeps an event loop running in this thread while it
# lives, which would spoil asyncio in other tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = start_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture
def open_context(chromium: Browser) -> Iterator[OpenContext]:
    """Opens a browser context with playwright's options; a script error in any of its pages fails the test."""
    wrong: list[str] = []

    def open_one(**options: object) -> BrowserContext:
        context = contexts.enter_context(chromium.new_context(**options))  # pyright: ignore[reportArgumentType]  # playwright checks its options itself
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("console", lambda message: _note(wrong, message.type, message.text))
        return context

    with ExitStack() as contexts:
        yield open_one
    assert not wrong, "the browser's console held errors: " + "; ".join(wrong)


@pytest.fixture
def phone(open_context: OpenContext) -> Page:
    """A page as wide as a visitor's phone."""
    return _page(open_context, PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)


@pytest.fixture
def desktop(open_context: OpenContext) -> Page:
    """A page as wide as a screen at the security desk."""
    return _page(open_context, DESKTOP)


def _page(open_context: OpenContext, size: ViewportSize, **options: object) -> Page:
    return open_context(viewport=size, **options).new_page()


def _note(wrong: list[str], kind: str, text: str) -> None:
    # A page that answers 403 or 404 on purpose is reported as a failed resource; tests look at its status.
    # htmx says the same in words of its own.
    on_purpose = ("Failed to load resource", "Response Status Error Code")
    if kind == "error" and not any(each in text for each in on_purpose):
        wrong.append(text)


@dataclass(frozen=True)
class Hall:
    """A served site whose clock stands at noon of a busy day."""

    url: str
    site: PanelSite
    guests: Sequence[Visitor]


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """The whole application behind a real HTTP server, on a real database."""
    port = free_port()
    settings = Settings(
        demo=True,
        data_folder=tmp_path_factory.mktemp("hall"),
        worker_wake="",
        base_url=AnyHttpUrl(f"http://localhost:{port}"),
        live_url=AnyHttpUrl(f"http://localhost:{port}"),
    )
    clock = FixedClock(NOON)
    office = create_office(settings, clock)
    site = PanelSite(office, clock)
    guests = busy_day(site)
    app = create_app(settings, office)
    over = threading.Event()
    # The live process is another test's business; here its stream is open and says nothing.
    app.add_url_rule(
        "/live", view_func=lambda: Response(_quiet(over), mimetype="text/event-stream")
    )

    def visitors_stream(token: str) -> Response:
        del token
        return Response(_quiet(over), mimetype="text/event-stream")

    app.add_url_rule("/live/visitor/<token>", view_func=visitors_stream)
    http = make_server("localhost", port, app, threaded=True)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield Hall(f"http://localhost:{port}", site, guests)
    over.set()
    http.shutdown()
    thread.join()
    http.server_close()
    office.close()


def _quiet(over: threading.Event) -> Iterator[str]:
    yield "event: connected\ndata:\n\n"
    over.wait()


@dataclass(frozen=True)
class Served:
    """A site that runs as it would on its own machine."""

    url: str
    site: PanelSite


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Broker, worker, web and live as `python -m server serve` runs them."""
    folder = tmp_path_factory.mktemp("served")
    web, live, broker = free_port(), free_port(), free_port()
    settings = Settings(
        demo=True,
        data_folder=folder,
        base_url=AnyHttpUrl(f"http://localhost:{web}"),
        live_url=AnyHttpUrl(f"http://localhost:{live}"),
        web_port=web,
        live_port=live,
        broker_port=broker,
        worker_wake=f"127.0.0.1:{free_port(SOCK_DGRAM)}",
    )
    clock = FixedClock(datetime.now(UTC))
    office = create_office(settings, clock)
    site = PanelSite(office, clock)
    names = ("demo", "data_folder", "base_url", "live_url", "web_port", "live_port", "broker_port")
    values = settings.model_dump(mode="json")
    environment = os.environ | {
        f"GENKAN_{name.upper()}": str(values[name]) for name in (*names, "worker_wake")
    }
    running = StartedProcess(
        [sys.executable, "-m", "server", "serve"],
        ready="Genkan is ready",
        environment=environment,
        folder=Path(__file__).parents[2],
    )
    yield Served(f"http://localhost:{web}", site)
    running.stop()
    office.close()


def sign_in(page: Page, url: str, who: str) -> None:
    """Sign in at the panel."""
    page.goto(f"{url}/panel/sign-in")
    page.fill("#email", f"{who}@genkan.example")
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector(".panel-main")
