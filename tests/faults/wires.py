"""Lines between the devices, the server and their broker that break, fall silent, crawl or lose what passes."""

from tests.faults.figures import Scene
from tests.faults.history import Findings
from tests.faults.installation import GATE, TURNSTILE, WORKER, Installation
from tests.faults.kills import ONE_PASSAGE_S
from tests.faults.proxy import FAIR, HALF_OPEN, Weather

SLOW = Weather(delay=0.15, jitter=0.25)
LOSSY = Weather(stalls=0.2, stall=0.3, breaks=0.02)
NO_REPLY = Weather(silent_down=True)
NO_WORD = Weather(silent_up=True)


def cut(scene: Scene) -> Findings:
    """One of the lines breaks while somebody passes."""
    site = scene.site
    for _ in scene.rounds():
        site.show(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        site.lines[scene.random.choice((GATE, TURNSTILE, WORKER))].cut()
        site.present(site.a_pass())
        site.reunited()
    return site.findings()


def half_open(scene: Scene) -> Findings:
    """Every connection falls silent, and no end is told; only the keep-alive finds out."""
    site = scene.site
    for _ in scene.rounds():
        site.show(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        _all(site, HALF_OPEN)
        site.present(site.a_pass())
        _all(site, FAIR)
        site.walks_again()
    return site.findings()


def slow(scene: Scene) -> Findings:
    """Every piece takes up to 0.4 s each way."""
    return _in_bad_weather(scene, SLOW)


def lossy(scene: Scene) -> Findings:
    """Pieces wait for their second sending, and connections break over it."""
    return _in_bad_weather(scene, LOSSY)


def reply_lost(scene: Scene) -> Findings:
    """The server has committed; its receipt is lost on the way to the broker, or to the gate."""
    site = scene.site
    for _ in scene.rounds():
        name, weather = scene.random.choice(((GATE, NO_REPLY), (WORKER, NO_WORD)))
        site.show(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        site.lines[name].becomes(weather)
        site.present(site.a_pass())
        site.pause(ONE_PASSAGE_S)
        site.lines[name].becomes(FAIR)
        site.lines[name].cut()
        site.reunited()
    return site.findings()


def _in_bad_weather(scene: Scene, weather: Weather) -> Findings:
    site = scene.site
    _all(site, weather)
    for _ in scene.rounds():
        site.present(site.a_pass())
        site.pause(ONE_PASSAGE_S)
    _all(site, FAIR)
    site.walks_again()
    return site.findings()


def _all(site: Installation, weather: Weather) -> None:
    for line in site.lines.values():
        line.becomes(weather)
