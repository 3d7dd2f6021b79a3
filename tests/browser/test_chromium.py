"""The browser that the other tests drive is a real one, and reports what goes wrong in a page."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_the_phone_is_as_wide_as_a_phone(phone: Page) -> None:
    phone.set_content("<meta name='viewport' content='width=device-width'><h1>玄関</h1>")
    assert phone.evaluate("innerWidth") == 390


def test_the_desk_is_as_wide_as_a_screen(desktop: Page) -> None:
    desktop.set_content("<h1>Genkan</h1>")
    assert desktop.evaluate("innerWidth") == 1440
