"""The system's Chromium, driven by playwright; nothing is downloaded for it."""

import os
import shutil

from playwright.sync_api import Browser, Playwright, ViewportSize

# It runs as root in containers, and must not talk to anyone but the server under test.
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE = ViewportSize(width=390, height=844)
DESKTOP = ViewportSize(width=1440, height=900)


def chromium_program() -> str:
    """Return where the system's Chromium is."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        raise FileNotFoundError("chromium is not installed; `make demo` and `make test` install it")
    return program


def start_chromium(playwright: Playwright, *further_arguments: str) -> Browser:
    """Start Chromium; further arguments open a fake camera, for example."""
    return playwright.chromium.launch(
        executable_path=chromium_program(),
        args=[*ARGUMENTS, *further_arguments],
        headless=True,
        # It makes a socket in its folder, and the address of a socket has 107 bytes (unix(7)).
        env={**os.environ, "TMPDIR": "/tmp"},  # noqa: S108  a folder of its own, made and removed by it
    )
