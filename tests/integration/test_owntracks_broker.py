"""A visitor's OwnTracks app at the real broker: MQTT 3.1.1 over TLS, with the key file and link that it gets."""

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from paho.mqtt.enums import CallbackAPIVersion
from sqlmodel import Session, select

from access_protocol.transport.mqtt import MqttTransport
from server.arrivals import actions as arrivals
from server.arrivals import messages, models, trackers
from server.arrivals.actions import CrossingNoticed
from server.kernel.desk import Desk
from server.kernel.ids import VisitorId
from server.processes.inbox import Inbox
from server.visits.models import Visit, Visitor
from tests.fakes.arriving import LATITUDE, LONGITUDE, configuration_in, draw_fence
from tests.fakes.broker_scene import DEADLINE, LAST_WORD, Scene
from tests.fakes.site import SYSTEM

pytestmark = pytest.mark.broker

ELSEWHERE = (
    "genkan/TYO/gate/gate-1/status",
    "genkan/TYO/gate/gate-1/command/turnstile-1",
    "genkan/TYO/server/server/command/turnstile-1",
    "genkan/TYO/server/server/live",
    "genkan/TYO/controller/turnstile-1/state",
    "owntracks/guest-0123456789abcdef01/phone",
    "owntracks/guest-0123456789abcdef01/phone/event",
    "owntracks/server/phone",
    "home/light",
)


class Phone:
    """The app: paho in the place of its own MQTT library, configured by nothing but what the visitor was given."""

    def __init__(self, setup: trackers.BrokerSetup, folder: Path) -> None:
        self.configuration: dict[str, Any] = configuration_in(setup.link)
        told = self.configuration
        self.topic = str(told["pubTopicBase"])
        self._folder, self._setup = folder, setup
        self.connected, self.heard = threading.Event(), list[str]()
        self._answered = threading.Condition()
        self._acknowledged = 0
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=str(told["clientId"]),
            clean_session=bool(told["cleanSession"]),
            protocol=mqtt.MQTTv311,
        )
        self.client.tls_set_context(self._context())  # pyright: ignore[reportUnknownMemberType]
        self.client.username_pw_set(str(told["username"]), setup.passphrase)
        self.client.on_connect = self._connected
        self.client.on_message = lambda _c, _u, message: self.heard.append(message.topic)
        self.client.on_subscribe = self._count
        self.client.connect(str(told["host"]), int(told["port"]), keepalive=int(told["keepalive"]))
        self.client.loop_start()
        assert self.connected.wait(DEADLINE)

    def _context(self) -> ssl.SSLContext:
        key, certificate, others = pkcs12.load_key_and_certificates(
            self._setup.key_file, self._setup.passphrase.encode()
        )
        assert key is not None
        assert certificate is not None
        chain, authority = self._folder / "phone.pem", self._folder / "authority.pem"
        pem = certificate.public_bytes(Encoding.PEM)
        pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain.write_bytes(pem)
        authority.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in others))
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(chain)
        return context

    def say(self, topic: str, payload: bytes = b"x") -> None:
        """Publish, and return once the broker has acknowledged it, whatever it thinks of it."""
        self.client.publish(topic, payload, qos=1).wait_for_publish(DEADLINE)

    def crosses(self, event: str, *, region: int) -> None:
        """Report a transition as the app does."""
        waypoint = self.configuration["waypoints"][region]
        message = {
            "_type": "transition",
            "event": event,
            "desc": waypoint["desc"],
            "wtst": waypoint["tst"],
            "lat": LATITUDE,
            "lon": LONGITUDE,
            "acc": 20.0,
            "tst": int(datetime.now(UTC).timestamp()),
            "tid": "GK",
            "t": "c",
        }
        self.say(f"{self.topic}/event", json.dumps(message).encode())

    def listens(self, topic_filter: str) -> None:
        with self._answered:
            before = self._acknowledged
            self.client.subscribe(topic_filter, qos=1)
            assert self._answered.wait_for(lambda: self._acknowledged > before, DEADLINE)

    def _connected(self, *_about: object) -> None:
        self.connected.set()

    def _count(self, *_about: object) -> None:
        with self._answered:
            self._acknowledged += 1
            self._answered.notify_all()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def visitor(scene: Scene) -> VisitorId:
    """Somebody who is expected in an hour."""
    with scene.office.begin(SYSTEM) as work:
        visit = work.session.exec(select(Visit)).one()
        visit.starts_at = work.now + timedelta(hours=1)
        visit.ends_at = work.now + timedelta(hours=2)
        draw_fence(work, near_dwell_s=0)
        return work.session.exec(select(Visitor)).one().id


@pytest.fixture
def phone(scene: Scene, visitor: VisitorId, tmp_path: Path) -> Iterator[Phone]:
    with scene.office.begin(SYSTEM) as work:
        setup = trackers.set_up_for_broker(work, visitor)
    scene.reload()
    made = Phone(setup, tmp_path)
    yield made
    made.close()


def test_the_app_writes_its_own_two_topics_and_no_other(scene: Scene, phone: Phone) -> None:
    witness = scene.join("witness", hears="#").here()
    own = {phone.topic, f"{phone.topic}/event"}
    for topic in (*ELSEWHERE, f"{phone.topic}/cmd", f"{phone.topic}/dump", *sorted(own)):
        phone.say(topic)
    # Messages of one connection keep their order: what could come, came before the last word.
    phone.say(phone.topic, LAST_WORD)
    assert witness.ended.wait(DEADLINE)
    assert witness.heard == own


def test_the_app_hears_nothing(scene: Scene, phone: Phone) -> None:
    phone.listens("#")
    phone.listens(phone.topic)
    author = scene.join("witness", hears="genkan/TYO/end").here()
    for topic in ELSEWHERE:
        author.say(topic)
    author.say("genkan/TYO/end", LAST_WORD)
    assert author.ended.wait(DEADLINE)
    # One more answer of the broker: what it had for this connection came before.
    phone.listens("owntracks/nothing")
    assert phone.heard == []


def test_an_app_that_was_stopped_writes_nothing_any_more(
    scene: Scene, visitor: VisitorId, phone: Phone
) -> None:
    witness = scene.join("witness", hears="#").here()
    with scene.office.begin(SYSTEM) as work:
        trackers.end(work, visitor)
    scene.reload()
    phone.say(phone.topic)
    phone.say(f"{phone.topic}/event")
    witness.say("genkan/TYO/end", LAST_WORD)
    assert witness.ended.wait(DEADLINE)
    assert witness.heard == {"genkan/TYO/end"}


def test_the_certificate_ends_with_the_visit(scene: Scene, visitor: VisitorId) -> None:
    with scene.office.begin(SYSTEM) as work:
        setup = trackers.set_up_for_broker(work, visitor)
        ends_at = work.session.exec(select(Visit)).one().ends_at
    _, certificate, _ = pkcs12.load_key_and_certificates(setup.key_file, setup.passphrase.encode())
    assert certificate is not None
    assert certificate.not_valid_after_utc == ends_at.replace(microsecond=0)


def test_what_the_app_writes_reaches_the_worker(
    scene: Scene, visitor: VisitorId, phone: Phone
) -> None:
    noticed, told = threading.Event(), list[CrossingNoticed]()
    scene.office.reactions.on(
        CrossingNoticed, lambda _work, event: (told.append(event), noticed.set())[1]
    )
    transport = MqttTransport(scene.address("server"), "server-inbox")
    desk = Desk(scene.office, transport)
    messages.register(desk)
    inbox = Inbox(desk)
    inbox.subscribe()
    inbox.start()
    scene.run(transport)
    phone.say(phone.topic, b"no JSON at all")
    phone.crosses("enter", region=0)
    assert noticed.wait(DEADLINE)
    inbox.stop()
    assert [(each.visitor, each.kind, each.source) for each in told] == [
        (visitor, arrivals.CrossingKind.NEAR, arrivals.CrossingSource.OWNTRACKS)
    ]
    assert inbox.refusals.counts[phone.topic.split("/")[1]] == 1
    with Session(scene.office.engine) as session:
        assert [each.kind.value for each in models.crossings_of(session, visitor)] == ["near"]
