"""News on the visitor's own phone: told once asked for, with a link and no names, until the visit or the phone ends."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.outbox import send_due
from server.kernel.principal import Principal
from server.kernel.settings import Settings
from server.notifications.actions import NewsKind
from server.notifications.phone_models import PhonePush
from server.notifications.phone_push import OUTBOX, PhonePushSender
from server.visits import actions as visits
from tests.fakes.application import application
from tests.fakes.panel_site import NOON, PanelSite
from tests.services.push_service import Browser, PushService, Reply

SYSTEM = Principal.system()


class Scene:
    """A visitor whose phone keeps the link, and a push service of this machine."""

    def __init__(self, site: PanelSite, phone: FlaskClient, service: PushService) -> None:
        self.site, self.phone, self.service = site, phone, service
        self.visit, (self.anna,) = site.invite(("Anna Keller", ""))
        self.browser = Browser(service.url, "anna")
        self.path = site.link(self.anna)
        self.post("/open")

    def post(self, below: str, **sent: object) -> int:
        page = self.phone.get(self.path).text
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        token = found[1] if found else ""
        headers = {"X-CSRF-Token": token}
        return self.phone.post(f"{self.path}{below}", headers=headers, **sent).status_code  # pyright: ignore[reportArgumentType]

    def subscribe(self) -> int:
        return self.post("/push", json=self.browser.subscription)

    def tell(self, news: NewsKind) -> None:
        with self.site.office.begin(SYSTEM) as work:
            visits.tell_joined(work, self.anna.id, news)

    def send(self) -> None:
        while send_due(self.site.office, {OUTBOX: PhonePushSender(self.site.office)}):
            pass

    def is_told(self) -> bool:
        with self.site.office.reading(SYSTEM) as work:
            return work.session.get(PhonePush, self.anna.id) is not None


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with PushService(tmp_path) as service:
        settings = Settings(
            demo=True,
            data_folder=tmp_path,
            worker_wake="",
            outbound_allowed="127.0.0.0/8",
            outbound_ca_file=service.ca_file,
        )
        office = create_office(settings, FixedClock(NOON))
        clock = office.clock
        assert isinstance(clock, FixedClock)
        yield Scene(PanelSite(office, clock), application(office).test_client(), service)
        office.close()


def test_a_phone_that_asked_is_told_with_a_link_and_without_names(scene: Scene) -> None:
    assert scene.subscribe() == 204
    scene.tell(NewsKind.MESSAGE)
    scene.send()
    (came,) = scene.service.wait_for(1)
    told = scene.browser.read(came)
    assert told["path"] == f"{scene.path}/chat"
    assert told["title"] == "Genkan Tokyo"
    assert "Anna" not in json.dumps(told)
    assert came.headers["urgency"] == "high"


def test_nobody_is_told_who_did_not_ask(scene: Scene) -> None:
    scene.tell(NewsKind.CHANGED)
    scene.send()
    assert scene.service.received == []


def test_who_says_stop_is_told_no_more(scene: Scene) -> None:
    scene.subscribe()
    scene.tell(NewsKind.ANSWERED)
    assert scene.post("/push/stop") == 303
    scene.send()
    assert scene.service.received == []
    assert not scene.is_told()


def test_a_browser_that_takes_nothing_any_more_is_forgotten(scene: Scene) -> None:
    scene.subscribe()
    scene.service.replies.append(Reply(410))
    scene.tell(NewsKind.CHANGED)
    scene.send()
    assert not scene.is_told()


def test_another_phone_cannot_subscribe(scene: Scene) -> None:
    stranger = application(scene.site.office).test_client()
    found = re.search(r'name="csrf_token" value="([^"]+)"', stranger.get("/panel/sign-in").text)
    headers = {"X-CSRF-Token": found[1] if found else ""}
    stranger.post(f"{scene.path}/push", json=scene.browser.subscription, headers=headers)
    assert not scene.is_told()


def test_what_is_no_subscription_is_refused(scene: Scene) -> None:
    assert scene.post("/push", json={"endpoint": "http://169.254.169.254/", "keys": {}}) == 400
    assert not scene.is_told()
