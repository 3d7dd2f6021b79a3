"""Programs that are ended with kill -9 at any moment around a passage, and started again."""

import threading
from contextlib import suppress

import httpx

from demo.caller import Caller
from demo.timeline import StepFailedError
from tests.faults.figures import Scene
from tests.faults.history import Findings
from tests.faults.installation import BROKER, GATE, TURNSTILE, WEB, WORKER, Installation

ONE_PASSAGE_S = 0.45
"""From the code before the reader to the passage and its receipt, on a machine that has time."""
DOOR = "/api/v1/sites/TYO/doors/main-gate/open"


def gate_killed(scene: Scene) -> Findings:
    """The gate agent dies while somebody stands before it, and finds them still there afterwards."""
    site = scene.site
    for _ in scene.rounds():
        text = site.a_pass()
        site.show(text)
        site.pause(ONE_PASSAGE_S)
        site.kill(GATE)
        site.start(GATE)
        site.present(text)
    return site.findings()


def controller_killed(scene: Scene) -> Findings:
    """The controller dies between ask, command, passage and report."""
    site = scene.site
    for _ in scene.rounds():
        site.show(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        site.kill(TURNSTILE)
        site.start(TURNSTILE)
        site.present(site.a_pass())
    return site.findings()


def server_killed(scene: Scene) -> Findings:
    """Worker or web process die while passages are reported and an operator opens the gate."""
    site = scene.site
    guard = _guard(site)
    for _ in scene.rounds():
        asking = threading.Thread(target=_ask_to_open, args=[guard], daemon=True)
        asking.start()
        site.present(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        victim = scene.random.choice((WORKER, WEB))
        site.kill(victim)
        site.present(site.a_pass())
        site.start(victim)
        asking.join()
    guard.close()
    return site.findings()


def broker_killed(scene: Scene) -> Findings:
    """The broker dies with all that it kept; whoever was connected comes back by themselves."""
    site = scene.site
    for _ in scene.rounds():
        site.show(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        site.kill(BROKER)
        for kept in (site.folder / "server" / "broker").glob("*.db"):
            kept.unlink()
        site.present(site.a_pass())
        site.start(BROKER)
        site.reunited()
        site.present(site.a_pass())
    return site.findings()


def _guard(site: Installation) -> Caller:
    return Caller(site.url, site.url).sign_in("security@genkan.example", site.password)


def _ask_to_open(guard: Caller) -> None:
    # The web process may die over it: then nobody is told anything, and that is what is being tried.
    with suppress(StepFailedError, OSError, httpx.HTTPError):
        guard.post(DOOR, {"reason": "A fault is being played"})
