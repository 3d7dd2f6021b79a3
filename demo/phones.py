"""Phones of the demo: pages of real browsers that believe the server's own authority and nobody else."""

import base64
import hashlib
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

from demo.caller import PATIENCE
from demo.chromium import PHONE, start_chromium
from demo.timeline import StepFailedError

SOON = PATIENCE * 1000
"""Milliseconds until what should stand on a page counts as missing."""


@dataclass(frozen=True)
class Browsers:
    """Where phones come from: browsers that believe one server."""

    playwright: Playwright
    trusted: str
    """What Chromium believes the server by: the digest of its key, for which its authority vouched."""

    @contextmanager
    def opened(self) -> Generator[Browser]:
        """Start a browser, and end it with all its phones."""
        believes = f"--ignore-certificate-errors-spki-list={self.trusted}"
        with start_chromium(self.playwright, believes) as browser:
            yield browser


@contextmanager
def browsers(url: str, root: str) -> Generator[Browsers]:
    """Give browsers that trust the server at `url` because the certificate in the file `root` vouches for it."""
    expect.set_options(timeout=SOON)
    with sync_playwright() as playwright:
        yield Browsers(playwright, _vouched_for(url, root))


def phone(browser: Browser) -> Page:
    """Open a page as on a phone of its own: it shares neither cookies nor keys with any other."""
    context = browser.new_context(
        viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=3, locale="en"
    )
    context.set_default_timeout(SOON)
    return context.new_page()


def _vouched_for(url: str, root: str) -> str:
    """Return the digest of the server's public key (SHA-256, base64), once its certificate was verified."""
    place = urlsplit(url)
    address = (place.hostname or "", place.port or 443)
    shown = ssl.get_server_certificate(address, ca_certs=root)
    key = x509.load_pem_x509_certificate(shown.encode()).public_key()
    public = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(public).digest()).decode()


@contextmanager
def looking_at(page: Page, what: str) -> Generator[None]:
    """Turn what a page does not show into a step that failed, with the words that it shows instead."""
    try:
        yield
    except (AssertionError, NotInTime) as error:
        shown = " / ".join(page.inner_text("body").split("\n"))
        raise StepFailedError(f"{what}: the page says: {shown[:600]}") from error
