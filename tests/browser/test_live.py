"""The live page with every real process: an event at a gate stands on it within a second."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import SOCK_DGRAM

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import AnyHttpUrl

from access_protocol.decision import DenyReason
from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from demo.ports import free_port
from demo.program import StartedProcess
from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.settings import Settings
from tests.browser.conftest import sign_in
from tests.fakes.panel_site import PanelSite

pytestmark = pytest.mark.browser

A_SECOND = 1000
A_RETRY = 20_000


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


def _open_live(page: Page, served: Served) -> None:
    sign_in(page, served.url, "security")
    page.goto(f"{served.url}/panel/live")
    expect(page.locator(".live-state")).to_have_attribute("data-state", "live")


def test_who_passes_a_gate_stands_on_the_live_page_within_a_second(
    served: Served, desktop: Page
) -> None:
    _open_live(desktop, served)
    served.site.clock.set(datetime.now(UTC))
    _, guests = served.site.invite(("Dorothy Vaughan", "West Computing"))
    passed = (Outcome.OPENED, Outcome.PASSED)
    served.site.presented("main-gate-in", CredentialId(guests[0].credential), None, *passed)
    newest = desktop.locator("#events li").first
    expect(newest).to_contain_text("Dorothy Vaughan", timeout=A_SECOND)
    expect(newest).to_contain_text("Granted")
    expect(newest).to_contain_text("Passed")
    expect(desktop.locator("#inside")).to_contain_text("Dorothy Vaughan", timeout=A_SECOND)


def test_a_refusal_stands_there_with_its_reason_and_an_icon(served: Served, phone: Page) -> None:
    _open_live(phone, served)
    served.site.clock.set(datetime.now(UTC))
    served.site.presented("main-gate-in", None, DenyReason.BAD_SIGNATURE)
    newest = phone.locator("#events li").first
    expect(newest).to_contain_text("Refused", timeout=A_SECOND)
    expect(newest).to_contain_text("This pass is not genuine. Please ask your host.")
    expect(newest.locator(".disc svg")).to_be_visible()


def test_an_invitation_can_be_read_as_it_was_mailed_and_does_nothing(
    served: Served, desktop: Page
) -> None:
    sign_in(desktop, served.url, "admin")
    desktop.goto(f"{served.url}/panel/mail")
    expect(desktop.locator(".live-state")).to_have_attribute("data-state", "live")
    served.site.clock.set(datetime.now(UTC))
    served.site.invite(("Annie Easley", ""), title="Launch")
    desktop.get_by_role("link", name="Launch").click()
    frame = desktop.locator(".mail-frame")
    assert "allow-scripts" not in (frame.get_attribute("sandbox") or "")
    mail = desktop.frame_locator(".mail-frame")
    expect(mail.get_by_text("Annie Easley").first).to_be_visible()
    picture = mail.locator("img").first
    assert picture.evaluate("image => image.naturalWidth") > 100
    with desktop.expect_download() as saved:
        desktop.get_by_role("link", name="visit.ics").click()
    assert saved.value.path().read_text("utf-8").startswith("BEGIN:VCALENDAR")


def test_a_page_that_lost_its_stream_says_so_and_catches_up(
    served: Served, chromium: Browser
) -> None:
    # Its own context: a browser that is cut off rightly logs errors.
    with chromium.new_context(locale="en") as context:
        page = context.new_page()
        _open_live(page, served)
        context.set_offline(True)
        expect(page.locator(".live-state")).to_have_attribute("data-state", "lost")
        expect(page.get_by_text("Not live, retrying")).to_be_visible()
        served.site.clock.set(datetime.now(UTC))
        served.site.presented("main-gate-in", None, DenyReason.SEVERAL_CODES)
        context.set_offline(False)
        newest = page.locator("#events li").first
        expect(newest).to_contain_text("Several passes were seen", timeout=A_RETRY)
        expect(page.locator(".live-state")).to_have_attribute("data-state", "live", timeout=A_RETRY)
