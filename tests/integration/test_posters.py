"""A scanned poster over the real broker: the simulated door unlocks, and ledger, presence and attendance say who."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import credential
from access_protocol.decision import DenyReason
from access_protocol.enrolment import Enrolment
from access_protocol.events import ControllerEventKind, Outcome
from access_protocol.keys import HolderKey
from access_protocol.presence import Presence
from access_protocol.topics import SERVER
from access_protocol.transport.memory import MemoryBroker
from access_protocol.transport.mqtt import MqttTransport
from demo.program import StartedProcess
from server.access import actions, models
from server.access.models import CommandState, DoorCommand
from server.credentials import actions as credentials
from server.credentials import models as credential_models
from server.devices.actions import DoorReported, public_keys, signing_key
from server.devices.models import Device, KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.ids import RoomId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Principal
from server.kernel.work import Office
from server.meetings import actions as meetings
from server.places.models import Room
from server.visits.models import Visit
from tests.fakes.enrolment_server import EnrolmentServer
from tests.fakes.site import (
    DOOR,
    NOW,
    SAKURA_DOOR,
    SAKURA_IN,
    SYSTEM,
    TYO,
    VISIT,
    VISITOR,
    enrolled_site,
)
from tests.fakes.worker import FakeWorker
from tests.integration.test_controllers import CODE, started
from tests.services.broker import Broker

pytestmark = pytest.mark.broker
WITHIN_S = 180.0
PHONE = ec.generate_private_key(ec.SECP256R1())
ROOM = RoomId("d" * 32)


class Entrance:
    """A server on a real broker with a simulated door, and the phone of the visitor who stands before it."""

    def __init__(self, office: Office, clock: FixedClock, broker: Broker) -> None:
        self.office, self.clock = office, clock
        self._news = threading.Condition()
        office.reactions.on(DoorReported, lambda _work, _it: self._tell())
        transport = MqttTransport(broker.address(SERVER), SERVER)
        transport.on_connection(lambda _now: self._tell())
        self.worker = FakeWorker(office, MemoryBroker(), transport)

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def until(self, true: Callable[[], bool]) -> None:
        """Send what is due whenever something happened, until it is true."""
        ends = monotonic() + WITHIN_S
        while not true():
            assert monotonic() < ends
            self.worker.send()
            with self._news:
                self._news.wait(0.05)

    def scan(self, shown: frozenset[Presence]) -> DoorCommand:
        with self.office.reading(SYSTEM) as work:
            issue = credential_models.current_issue(
                work.session, VISITOR, credential.CredentialClass.BOUND
            )
        assert issue is not None
        text = credential.to_text(credential.present(issue.message, PHONE, self.clock.now()))
        with self.office.begin(Principal.for_visitor(VISITOR)) as work:
            return actions.open_by_poster(work, TYO, SAKURA_IN, VISITOR, [text], shown)

    def said(self, asked: DoorCommand) -> frozenset[ControllerEventKind]:
        with self.office.reading(SYSTEM) as work:
            return actions.reported_of_opening(work, asked)


@pytest.fixture
def entrance(database_url: str, tmp_path: Path, broker: Broker) -> Iterator[Entrance]:
    clock = FixedClock(NOW + timedelta(minutes=65))
    office = enrolled_site(database_url, tmp_path, clock)
    office.reactions.on(actions.OutcomesReported, meetings.note_outcomes)
    with office.begin(SYSTEM) as work:
        room = Room(id=ROOM, site=TYO, name="Sakura", zone=3, portal=SAKURA_DOOR)
        work.session.add(room)
        work.session.flush()
        work.session.get_one(Visit, VISIT).room = ROOM
        credentials.issue(work, VISITOR)
        credentials.bind(work, VISITOR, HolderKey.of(PHONE.public_key()))
        authority = tuple(public_keys(work, TYO, KeyPurpose.AUTHORITY))
        signs = signing_key(work, TYO, KeyPurpose.AUTHORITY)
    told = Enrolment(
        site=TYO,
        kind="controller",
        device=DOOR,
        broker_host=broker.host,
        broker_port=broker.port,
        certificate=b"-",
        certificate_authority=b"-",
        authority=authority,
    )
    made = Entrance(office, clock, broker)
    with EnrolmentServer({CODE: told}, signs) as server, _door(tmp_path, server):
        made.until(lambda: _online(office))
        yield made
    made.worker.transport.stop()
    office.close()


def _door(folder: Path, server: EnrolmentServer) -> StartedProcess:
    return started(folder / "door", "--enrol-url", server.url, "--code", CODE, ready="ready")


def _online(office: Office) -> bool:
    with office.reading(SYSTEM) as work:
        return work.session.get_one(Device, DOOR).online


def test_a_scanned_poster_unlocks_the_door_and_everybody_knows_who_came_in(
    entrance: Entrance,
) -> None:
    entrance.until(lambda: entrance.worker.send() == 0)
    refused = entrance.scan(frozenset({Presence.POSITION}))
    assert refused.denied is DenyReason.PRESENCE_MISSING
    entrance.clock.advance(timedelta(seconds=2))

    asked = entrance.scan(frozenset({Presence.CODE}))
    entrance.until(lambda: ControllerEventKind.CLOSED in entrance.said(asked))

    assert entrance.said(refused) == frozenset()
    assert {ControllerEventKind.UNLOCKED, ControllerEventKind.OPENED} <= entrance.said(asked)
    with entrance.office.reading(SYSTEM) as work:
        command = work.session.get_one(DoorCommand, asked.event)
        outcomes = models.outcomes_of(work.session, [asked.event])[SERVER, asked.event]
        (inside,) = models.inside(work.session, TYO)
        (came,) = meetings.find(work, PageQuery(cursor=None)).items
        held = credential_models.of_visitor(work.session, VISITOR)
    assert held is not None
    assert command.state is CommandState.DONE
    assert outcomes == [Outcome.OPENED]
    assert (inside.credential, inside.zone, inside.event) == (held.id, 3, asked.event)
    assert (came.visitor, came.room, came.event) == (VISITOR, ROOM, asked.event)
