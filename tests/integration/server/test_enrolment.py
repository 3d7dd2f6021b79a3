"""A device's life with the real server: enrolled over HTTP, at the broker over TLS, renewed, stolen, replaced."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest

from access_protocol import codec, renewal, topics
from access_protocol.certificates import new_key, read_certificate
from access_protocol.events import Status
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.renewal import CertificateIssued
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.mqtt import BrokerAddress, MqttTransport
from demo.stage import Stage
from gate_agent.enrol import EnrolmentFailed, enrol_from_text
from gate_agent.local_store import Identity, LocalStore
from server.app import create_office
from server.devices import actions
from server.devices.authority import DEVICE_LIFE
from server.devices.models import Device, DeviceCertificate
from server.kernel.settings import Settings
from server.kernel.work import Office
from tests.fakes.site import SYSTEM

pytestmark = pytest.mark.broker

GATE, TYO = DeviceId("gate-1"), SiteCode("TYO")
WITHIN = 120.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(folder=tmp_path_factory.mktemp("stage")) as made:
        made.prepare()
        made.start_server()
        with pytest.MonkeyPatch.context() as environment:
            # What enrols in this process believes the stage's server, as the programs of the stage do.
            environment.setenv("SSL_CERT_FILE", str(made.root))
            yield made


@pytest.fixture
def office(stage: Stage) -> Iterator[Office]:
    """The server's database, as an administrator's command sees it."""
    chosen = Settings(
        demo=True,
        data_folder=stage.folder / "server",
        base_url=stage.url,  # pyright: ignore[reportArgumentType]
        broker_port=stage.broker_port,
        worker_wake="",
    )
    with closing(create_office(chosen)) as made:
        yield made


def ticket(office: Office) -> str:
    with office.begin(SYSTEM) as work:
        return actions.make_code(work, GATE).ticket


def enrolled(office: Office, folder: Path) -> LocalStore:
    store = LocalStore(folder)
    enrol_from_text(ticket(office), store)
    return store


class Gate:
    """A connection of the gate, and what comes to it."""

    def __init__(self, store: LocalStore) -> None:
        self.who: Identity = store.identity()
        self.heard: queue.Queue[Message] = queue.Queue()
        self.there, self.gone = threading.Event(), threading.Event()
        address = BrokerAddress(
            self.who.broker_host, self.who.broker_port, lambda: store.identity().tls
        )
        self.transport = MqttTransport(address, GATE)
        to_us = topics.everything_for(TYO, GATE)
        self.transport.subscribe_without_retained(to_us, self.heard.put)
        self.transport.on_connection(lambda now: (self.there if now else self.gone).set())
        self.transport.start()
        assert self.there.wait(WITHIN)

    def say(self, subject: Subject, payload: bytes, to: DeviceId | None = None) -> None:
        assert self.transport.publish(topics.build(TYO, Kind.GATE, GATE, subject, to), payload)


def until(true: Callable[[], bool]) -> None:
    """Look again and again: another process writes what is waited for."""
    pause = threading.Event()
    for _ in range(int(WITHIN * 20)):
        if true():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come")


def test_a_stolen_gate_is_worth_nothing_once_its_replacement_is_enrolled(
    stage: Stage, office: Office
) -> None:
    def online() -> bool:
        with office.reading(SYSTEM) as work:
            return work.session.get_one(Device, GATE).online

    with ExitStack() as stack:
        server = stage.programs["server"]
        before = len(server.lines)
        thief = Gate(enrolled(office, stage.folder / "stolen"))
        stack.callback(thief.transport.stop)
        thief.say(Subject.STATUS, codec.encode(Status(online=True)))
        until(online)
        server.wait_for_line("Reloading config", within=WITHIN, after=before)

        spent, before = ticket(office), len(server.lines)
        store = LocalStore(stage.folder / "replacement")
        enrol_from_text(spent, store)
        with pytest.raises(EnrolmentFailed, match="code"):
            enrol_from_text(spent, LocalStore(stage.folder / "too-late"))
        server.wait_for_line("Reloading config", within=WITHIN, after=before)
        replacement = Gate(store)
        stack.callback(replacement.transport.stop)

        # Both say goodbye of the gate; only the replacement is believed.
        thief.say(Subject.STATUS, codec.encode(Status(online=False)))
        thief.transport.drop()
        assert thief.gone.wait(WITHIN)
        with office.begin(SYSTEM) as work:
            assert work.session.get_one(Device, GATE).online
        replacement.say(Subject.STATUS, codec.encode(Status(online=False)))
        until(lambda: not online())
        assert not thief.transport.connected


def test_a_certificate_is_renewed_by_the_worker_and_the_gate_connects_with_it(
    stage: Stage, office: Office
) -> None:
    store = enrolled(office, stage.folder / "gate")
    with office.begin(SYSTEM) as work:
        serial = read_certificate(store.identity().tls.certificate).serial_number
        row = work.session.get_one(DeviceCertificate, f"{serial:x}")
        # As if two months had gone by since it was issued.
        passed = DEVICE_LIFE * 2 / 3 + timedelta(minutes=1)
        row.issued_at, row.not_after = row.issued_at - passed, row.not_after - passed
        work.session.add(row)
    gate, next_key = Gate(store), new_key()
    with closing(_Stopping(gate)):
        present = store.identity()
        gate.say(Subject.RENEWAL, renewal.ask(present.tls, next_key, present.key), SERVER)
        while True:
            message = gate.heard.get(timeout=WITHIN)
            if topics.parse(message.topic).subject is Subject.CERTIFICATE:
                break
        issued = codec.decode(CertificateIssued, message.payload)
        store.renew(renewal.take(issued, present.tls, next_key))
        gate.there.clear()
        gate.transport.reconnect()
        assert gate.there.wait(WITHIN)
        assert store.identity().tls.key == next_key


class _Stopping:
    def __init__(self, gate: Gate) -> None:
        self.close = gate.transport.stop
