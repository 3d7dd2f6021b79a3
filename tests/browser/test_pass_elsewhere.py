"""The pass in Firefox and in WebKitGTK: the key is kept, and the gate reads what these browsers draw.

An iPhone is not here; WebKitGTK shares its engine but not its store of keys, nor its rules for home screen pages.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest

from access_protocol import credential as protocol
from gate_agent.decoder.process import DecodingProcess
from server.visits.models import Visitor
from tests.fakes.pass_scene import PassGate, PassSite, serving
from tests.services.browser import PageLeft
from tests.services.firefox import running_firefox
from tests.services.webkit import running_webkit

pytestmark = pytest.mark.browser

SECONDS = 30.0
PHONE = (390, 844)


class AnyBrowser(Protocol):
    """What a test asks of a browser, whoever made it."""

    def size(self, width: int, height: int) -> None: ...
    def open(self, url: str) -> None: ...
    def reload(self) -> None: ...
    def run(self, script: str) -> object: ...
    def screenshot(self, selector: str) -> bytes: ...


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassSite]:
    with serving(tmp_path_factory.mktemp("pass")) as served:
        yield served


@pytest.fixture(scope="module")
def process() -> Iterator[DecodingProcess]:
    with DecodingProcess() as running:
        yield running


@pytest.fixture
def gate(process: DecodingProcess, scene: PassSite) -> PassGate:
    return PassGate(process, scene)


def becomes(browser: AnyBrowser, expression: str) -> None:
    """Wait until an expression is true in the page, also across a step to the next page."""
    script = (
        "new Promise((done) => { const until = performance.now() + 1000; const look = () => { let found = false;"
        f" try {{ found = Boolean({expression}); }} catch {{ found = false; }}"
        " if (found || performance.now() > until) done(found); else setTimeout(look, 50); }; look(); })"
    )
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        with suppress(PageLeft):
            if browser.run(script) is True:
                return
    pytest.fail(f"it never came to be: {expression}")


def shows(browser: AnyBrowser, **data: str) -> None:
    for name, value in data.items():
        becomes(browser, f"document.getElementById('pass').dataset.{name} === {json.dumps(value)}")


def opens_pass(browser: AnyBrowser, scene: PassSite, visitor: Visitor) -> None:
    browser.size(*PHONE)
    link = scene.link(visitor)
    browser.open(link)
    # Pressed after the script has answered: the page it leads to ends the script.
    press = "document.querySelector(\"form[action$='/open'] button\").click()"
    browser.run(f"setTimeout(() => {press}, 50) && null")
    becomes(browser, "document.querySelector(\"a[href$='/pass']\")")
    browser.open(link + "/pass")
    shows(browser, mode="bound")


def is_granted(browser: AnyBrowser, scene: PassSite, gate: PassGate, visitor: Visitor) -> None:
    """The gate grants both presentations as this browser draws them."""
    gate.holds(scene.bound(visitor))
    for presentation in ("short", "full"):
        text = reads(browser, gate, presentation)
        # A gate that has seen nobody yet, for both may bear one time and then are one presentation.
        decision = gate.another().decides(text)
        assert decision is not None
        assert decision.granted


def reads(browser: AnyBrowser, gate: PassGate, presentation: str) -> str:
    """What the gate reads when this presentation is on the screen."""
    for _ in range(5):
        shows(browser, presentation=presentation)
        (text,) = gate.reads(browser.screenshot(".pass-code"))
        # The picture may have been taken a moment after the page turned to the other one.
        if (protocol.read(text).held_id is not None) == (presentation == "short"):
            return text
    pytest.fail(f"the gate never read the {presentation} presentation")


def test_firefox_keeps_the_key_over_a_reload_and_a_restart_and_the_gate_grants_what_it_draws(
    scene: PassSite, gate: PassGate, tmp_path: Path
) -> None:
    _, visitor = scene.expect()
    profile = tmp_path / "profile"
    with running_firefox(profile) as firefox:
        opens_pass(firefox, scene, visitor)
        first = scene.bound(visitor)
        firefox.reload()
        shows(firefox, mode="bound")
        is_granted(firefox, scene, gate, visitor)
    with running_firefox(profile) as firefox:
        firefox.open(scene.link(visitor) + "/pass")
        shows(firefox, mode="bound")
    assert scene.bound(visitor).generation == first.generation


def test_webkit_keeps_the_key_over_a_reload_and_the_gate_grants_what_it_draws(
    scene: PassSite, gate: PassGate
) -> None:
    _, visitor = scene.expect()
    with running_webkit() as webkit:
        opens_pass(webkit, scene, visitor)
        first = scene.bound(visitor)
        webkit.reload()
        shows(webkit, mode="bound")
        assert scene.bound(visitor).generation == first.generation
        is_granted(webkit, scene, gate, visitor)
