"""The system's Firefox, driven over WebDriver BiDi, which it speaks by itself; there is no geckodriver in Debian."""

import base64
import itertools
import json
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

from tests.services.browser import PageLeft

SECONDS = 60
READY = "WebDriver BiDi listening on "


LEFT = frozenset({"no such frame", "no such node", "unknown error"})


class FirefoxError(Exception):
    """Firefox answered a command with an error."""


class Firefox:
    """One window of a running Firefox."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(
            f"{address}/session", timeout=SECONDS, suppress_origin=True
        )
        self._numbers = itertools.count(1)
        self._ask("session.new", capabilities={})
        self._window = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def size(self, width: int, height: int) -> None:
        """Make the window as large as a phone's screen."""
        viewport = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", context=self._window, viewport=viewport)

    def open(self, url: str) -> None:
        """Go there, and wait until it is loaded."""
        self._ask("browsingContext.navigate", context=self._window, url=url, wait="complete")

    def reload(self) -> None:
        """Load the page again."""
        self._ask("browsingContext.reload", context=self._window, wait="complete")

    def run(self, script: str) -> Any:
        """Return what an expression gives, awaited, as JSON can say it."""
        answer = self._ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({script})))()",
            target={"context": self._window},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise FirefoxError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"].get("value", "null"))

    def screenshot(self, selector: str) -> bytes:
        """Return a picture of the first element that the selector names, as PNG."""
        box = self.run(
            f"(({{x, y, width, height}}) => ({{x, y, width, height}}))"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        answer = self._ask(
            "browsingContext.captureScreenshot", context=self._window, clip={"type": "box", **box}
        )
        return base64.b64decode(answer["data"])

    def close(self) -> None:
        """End the browser in order, so that it writes down what it keeps."""
        self._ask("browser.close")
        self._socket.close()

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer: dict[str, Any] = json.loads(self._socket.recv())
            if answer.get("id") != number:
                continue  # an event
            if answer["type"] == "error":
                if method == "script.evaluate" and answer["error"] in LEFT:
                    raise PageLeft(answer["message"])
                raise FirefoxError(f"{method}: {answer['message']}")
            return answer["result"]


@contextmanager
def running_firefox(profile: Path) -> Generator[Firefox]:
    """Start Firefox with this profile folder, which keeps what pages store."""
    program = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
    if program is None:
        raise FileNotFoundError("firefox is not installed; `make test` installs it")
    profile.mkdir(exist_ok=True)
    quiet = {
        "app.normandy.enabled": False,
        "app.update.disabledForTesting": True,
        "browser.shell.checkDefaultBrowser": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "intl.accept_languages": "en",
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "toolkit.telemetry.server": "",
    }
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in quiet.items()
    ]
    (profile / "user.js").write_text("\n".join(lines), "utf-8")
    arguments = [
        "--headless",
        "--no-remote",
        "--remote-debugging-port=0",
        "--profile",
        str(profile),
    ]
    process = subprocess.Popen(
        [program, *arguments, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        address = next(
            (line.split(READY)[1].strip() for line in process.stderr if READY in line), None
        )
        if address is None:
            raise FirefoxError("it ended before it listened")
        browser = Firefox(address)
        yield browser
        browser.close()
        process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
