"""What browser tests share: one Chromium, a fresh context a test, and no error in its console."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.services.browser import DESKTOP, PHONE, start_chromium

OpenContext = Callable[..., BrowserContext]


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
    if kind == "error" and "Failed to load resource" not in text:
        wrong.append(text)
