"""How soon a host's push is at its service after a visitor's phone said that it came near."""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
import requests
from pywebpush import WebPusher

from bench.real_site import RealSite
from bench.result import Result, Track
from demo.stage import Stage
from tests.services.push_service import Browser, PushService

CROSSINGS = 60
WARM_UP = 5
_PAUSE_S = 0.2
"""Between two crossings: the worker is asleep again, as it is when a visitor comes."""
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def crossing_to_push_ms(track: Track) -> Iterator[Result]:
    """From the POST of a crossing until the encrypted push is read at an HTTPS endpoint on this machine."""
    name = "crossing_to_push_ms"
    with (
        tempfile.TemporaryDirectory(prefix="genkan-push-") as folder,
        PushService(Path(folder)) as service,
        RealSite(_Stage(service)) as site,
    ):
        browser = Browser(service.url)
        site.caller.post("/api/v1/notifications/channels", {"subscription": browser.subscription})
        phone = _Phone(site.stage)
        links = site.mailed_links(CROSSINGS + WARM_UP)
        tokens = [phone.open(link.rpartition("/")[2]) for link in links]
        bare = Browser(service.url, "bare")
        samples: list[float] = []
        plain: list[float] = []
        for token in track(tokens, name):
            time.sleep(_PAUSE_S)
            began = time.monotonic()
            phone.comes_near(token)
            samples.append((_arrived(service, browser, len(samples) + 1) - began) * 1000)
            plain.append(_bare(service, bare, len(plain) + 1))
        phone.close()
    samples, plain = samples[WARM_UP:], plain[WARM_UP:]
    yield Result.of(
        name,
        "ms",
        samples,
        baseline=median(plain),
        baseline_is="a bare push by pywebpush from a process that has the subscription at hand",
        slowest=round(max(samples), 1),
    )


class _Stage(Stage):
    """The demo's site, which may reach the push service of this machine."""

    def __init__(self, service: PushService) -> None:
        super().__init__()
        self._service = service

    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            "GENKAN_OUTBOUND_ALLOWED": "127.0.0.0/8",
            "GENKAN_OUTBOUND_CA_FILE": str(self._service.ca_file),
            # All of these visitors come from one address.
            "GENKAN_LIMITS_FACTOR": "1000",
        }


class _Phone:
    """One phone that keeps many links: what a visitor's page sends, without the page."""

    def __init__(self, stage: Stage) -> None:
        self._client = httpx.Client(base_url=stage.url, timeout=20, verify=stage.trust)

    def open(self, token: str) -> str:
        """Press the button on the page behind a link."""
        page = self._client.get(f"/v/{token}")
        found = _TOKEN.search(page.text)
        if found is None:
            raise RuntimeError(f"no button behind the link: {page.status_code}")
        self._client.headers["X-CSRF-Token"] = found[1]
        opened = self._client.post(f"/v/{token}/open")
        if opened.is_error:
            raise RuntimeError(f"the link did not open: {opened.status_code} {opened.text[:200]}")
        return token

    def comes_near(self, token: str) -> None:
        """Tell what the watching page tells at the inner fence."""
        said = self._client.post(
            f"/v/{token}/crossing", json={"kind": "near", "expected_min": 2}, headers=_JSON
        )
        if said.is_error:
            raise RuntimeError(f"not taken: {said.status_code} {said.text[:200]}")

    def close(self) -> None:
        """End the connection."""
        self._client.close()


_JSON = {"Accept": "application/json"}


def _arrived(service: PushService, browser: Browser, count: int) -> float:
    """Wait for the browser's push number `count`; return when its request had been read."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        own = [each for each in service.received if each.path == browser.path]
        if len(own) >= count:
            return own[count - 1].at
        time.sleep(0.001)
    raise RuntimeError("no push came")


def _bare(service: PushService, browser: Browser, count: int) -> float:
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(service.ca_file)
        began = time.monotonic()
        WebPusher(browser.subscription, requests_session=session).send(  # pyright: ignore[reportUnknownMemberType]
            b'{"kind":"near"}', {}, ttl=60, timeout=10
        )
        return (_arrived(service, browser, count) - began) * 1000
