"""The system's WebKitGTK, the nearest to an iPhone's browser that Debian has, driven by its own WebDriver."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import JavascriptException, NoSuchFrameException
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.services.browser import PageLeft

SECONDS = 60
BROWSERS = "usr/lib/*/webkit2gtk-4.*/MiniBrowser"


class WebKit:
    """One window of a running MiniBrowser."""

    def __init__(self, driver: webdriver.Remote) -> None:
        self._driver: Any = driver
        driver.set_script_timeout(SECONDS)
        driver.set_page_load_timeout(SECONDS)

    def size(self, width: int, height: int) -> None:
        """Make the window about as large as a phone's screen."""
        self._driver.set_window_size(width, height)

    def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        self._driver.get(url)

    def reload(self) -> None:
        """Load the page again."""
        self._driver.refresh()

    def run(self, script: str) -> Any:
        """Return what an expression gives, awaited, as JSON can say it."""
        try:
            text = self._run(script)
        except (NoSuchFrameException, JavascriptException) as why:
            raise PageLeft(str(why)) from why
        return json.loads(text)

    def _run(self, script: str) -> str:
        return self._driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            f"(async () => JSON.stringify(await ({script})) ?? 'null')()"
            ".then(done, (error) => done(JSON.stringify(String(error))));"
        )

    def screenshot(self, selector: str) -> bytes:
        """Return a picture of the first element that the selector names, as PNG."""
        # Cut out here: the driver scrolls before it takes the picture of an element, and then cuts beside it.
        box = self.run(
            "((box) => [box.left, box.top, box.right, box.bottom].map((edge) => edge * devicePixelRatio))"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        window = Image.open(io.BytesIO(self._driver.get_screenshot_as_png()))
        picture = io.BytesIO()
        left, top, right, bottom = map(round, box)
        window.crop((left, top, right, bottom)).save(picture, "PNG")
        return picture.getvalue()


@contextmanager
def running_webkit() -> Generator[WebKit]:
    """Start a screen of its own, WebKitGTK's driver and a window on that screen."""
    program = next(map(str, Path("/").glob(BROWSERS)), None)
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    if program is None or driver is None or screen is None:
        raise FileNotFoundError(
            "WebKitGTK, its driver or Xvfb is not installed; `make test` installs them"
        )
    with _screen(screen) as display:
        options = Options()
        options.binary_location = program
        options.add_argument("--automation")
        # As root in a container there are no namespaces for its sandbox.
        surroundings = {
            "DISPLAY": display,
            "LANGUAGE": "en",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",
        }
        service = Service(driver, env=os.environ | surroundings)
        service.start()
        try:
            connection = RemoteConnection(client_config=ClientConfig(service.service_url))
            running = webdriver.Remote(connection, options=options)
            try:
                yield WebKit(running)
            finally:
                running.quit()
        finally:
            service.stop()


@contextmanager
def _screen(program: str) -> Generator[str]:
    arguments = ["-displayfd", "1", "-screen", "0", "800x1200x24", "-nolisten", "tcp"]
    process = subprocess.Popen(
        [program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield f":{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
