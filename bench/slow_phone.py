"""How soon a visitor's pages can be used on a slow phone and network, in the system's Chromium.

The network is slowed as DevTools does it: 1.6 Mbit/s with a round trip of 562 ms, the processor four times.
"""
# pyright: reportUnknownMemberType=false
# Playwright leaves the answers of the DevTools protocol open.

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.real_site import RealSite
from bench.result import Result, Track
from demo.chromium import PHONE, start_chromium

VISITS = 12
_SLOW: dict[str, Any] = {
    "offline": False,
    "latency": 562,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 750e3 / 8,
}
_SLOWER_PROCESSOR = 4
_USABLE = """() => {
    const [page] = performance.getEntriesByType("navigation");
    const painted = performance.getEntriesByName("first-contentful-paint")[0];
    return painted && page.domContentLoadedEventEnd
        ? Math.max(painted.startTime, page.domContentLoadedEventEnd) : null;
}"""
"""Painted, and every script that answers a tap has run: the scripts are deferred, so they ran before this event."""
_NOTED = """new MutationObserver(() => {
    const pass = document.querySelector("#pass");
    if (!window.shownAt && pass?.dataset.mode === "bound" && pass.dataset.presentation)
        requestAnimationFrame(() => { window.shownAt ??= performance.now(); });
}).observe(document, {subtree: true, childList: true, attributes: true});"""
_SHOWN = "() => window.shownAt || null"


def visit_page_usable_ms(track: Track) -> Iterator[Result]:
    """From the tap on the link in the mail until the visit page is painted and answers."""
    with _site() as (site, browser):
        slow: list[float] = []
        quick: list[float] = []
        sizes: list[int] = []
        for link in track(site.mailed_links(VISITS), "visit_page_usable_ms"):
            with _phone(browser, slowed=True) as page:
                sizes.append(_bytes_of(page, lambda page=page, link=link: page.goto(link)))
                slow.append(_asked(page, _USABLE))
            with _phone(browser, slowed=False) as page:
                page.goto(link)
                quick.append(_asked(page, _USABLE))
    yield Result.of(
        "visit_page_usable_ms",
        "ms",
        slow,
        baseline=median(quick),
        baseline_is="the same page without the slow network and processor",
        kilobytes=round(median(sizes) / 1000, 1),
    )


def pass_shown_again_ms(track: Track) -> Iterator[Result]:
    """From opening the pass for the second time until its code stands on the screen."""
    with _site() as (site, browser):
        slow: list[float] = []
        first: list[float] = []
        for link in track(site.mailed_links(VISITS), "pass_shown_again_ms"):
            with _phone(browser, slowed=True) as page:
                page.goto(link)
                page.locator("main form button").first.click()
                page.goto(f"{link}/pass")
                first.append(_asked(page, _SHOWN))
                page.wait_for_selector("#pass[data-offline=ready]", timeout=30_000)
                page.goto("about:blank")
                page.goto(f"{link}/pass")
                slow.append(_asked(page, _SHOWN))
    yield Result.of(
        "pass_shown_again_ms",
        "ms",
        slow,
        baseline=median(first),
        baseline_is="the first opening of the pass, with the making of the key, on the same slow phone",
    )


@contextmanager
def _site() -> Generator[tuple[RealSite, Browser]]:
    with RealSite() as site, sync_playwright() as playwright:
        # A page whose certificate was only waved through gets no service worker.
        browser = start_chromium(playwright, "--ignore-certificate-errors")
        yield site, browser
        browser.close()


@contextmanager
def _phone(browser: Browser, *, slowed: bool) -> Generator[Page]:
    """A phone that was never here: nothing is cached."""
    context = browser.new_context(
        viewport=PHONE,
        is_mobile=True,
        has_touch=True,
        device_scale_factor=3,
        locale="en",
    )
    context.add_init_script(_NOTED)
    page = context.new_page()
    if slowed:
        _slow_down(context, page)
    yield page
    context.close()


def _slow_down(context: BrowserContext, page: Page) -> None:
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", _SLOW)
    session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER_PROCESSOR})


def _bytes_of(page: Page, go: Callable[[], object]) -> int:
    """Return what came over the wire meanwhile, headers included and pictures left out."""
    kinds: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def begun(it: dict[str, Any]) -> None:
        kinds[it["requestId"]] = it["type"]

    def ended(it: dict[str, Any]) -> None:
        sizes[it["requestId"]] = int(it["encodedDataLength"])

    session.on("Network.responseReceived", begun)
    session.on("Network.loadingFinished", ended)
    go()
    page.wait_for_load_state()
    return sum(size for request, size in sizes.items() if kinds.get(request) != "Image")


def _asked(page: Page, question: str) -> float:
    return float(page.wait_for_function(question, timeout=60_000).json_value())
