"""The page is enough: a controller written from docs/protocol.md alone does what ours does.

Every case runs on both, and a real gate and a real server talk to the plain one without noticing.
"""

import ast
import base64
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from access_protocol import codec, commands, topics
from access_protocol.commands import Action, Answer
from access_protocol.credential import CredentialClass
from access_protocol.events import DecisionEntry, Outcome
from access_protocol.ids import AccessPointId, DeviceId, EventId, Nonce
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Message
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from firmware_sim.controller import Identity, authority_ring
from firmware_sim.installation import Installation, PortalKind, Wiring
from firmware_sim.kept import Flash, KeptInFlash
from firmware_sim.physical import FailMode
from firmware_sim.portal import Timings
from firmware_sim.scheduler import SimulatedScheduler
from gate_agent.clock import GateClock
from gate_agent.journal import Journal
from gate_agent.portal import Portal
from server.access.actions import OpenPortal, open_portal
from server.access.models import CommandState, DoorCommand
from server.devices.actions import public_keys
from server.devices.models import KeyPurpose
from server.kernel.clock import FixedClock
from tests.fakes import gate_site, plain_controller, site
from tests.fakes.gate_feedback import FakeFeedback
from tests.fakes.pacing import FakeTime
from tests.fakes.plain_controller import PlainController
from tests.fakes.worker import FakeWorker
from tests.vectors import make
from tests.vectors.controllers import SERVER_KEY
from tests.vectors.stage import AUTHORITY, CONTROLLER, EVENT, NONCE, SITE

VECTORS: dict[str, Any] = json.loads(make.FILE.read_text(encoding="utf-8"))["controllers"]
REPORTS = {row["name"]: row for row in VECTORS["reports"]}
Given = dict[str, Any]


class Controller(Protocol):
    """A controller of either make, as the vectors meet it; `said` holds (topic, payload)."""

    said: list[tuple[str, bytes]]

    def hear(self, topic: str, payload: bytes, *, retained: bool = False) -> None: ...

    def wait(self, milliseconds: int) -> None: ...

    @property
    def version(self) -> int | None: ...

    @property
    def moves(self) -> int: ...


class Plain:
    """The one that was written from the page."""

    def __init__(self, given: Given) -> None:
        self.said: list[tuple[str, bytes]] = []
        self._now = 0
        machine = ("dispense", "lock_down", "release")
        door = ("unlock", "lock_down", "release")
        self.controller = PlainController(
            SITE,
            CONTROLLER,
            AUTHORITY.public,
            now_ms=lambda: self._now,
            random_bytes=lambda _length: bytes(NONCE),
            publish=lambda topic, payload, _retain: self.said.append((topic, payload)),
            able_to=machine if given.get("machine") else door,
            slots=6,
            locked_down=given.get("locked_down", False),
        )

    def hear(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        self.controller.receive(topic, payload, retained=retained)

    def wait(self, milliseconds: int) -> None:
        self._now += milliseconds

    @property
    def version(self) -> int | None:
        return self.controller.version

    @property
    def moves(self) -> int:
        return len(self.controller.moved)


class Ours:
    """The simulated one."""

    def __init__(self, given: Given) -> None:
        self.said: list[tuple[str, bytes]] = []
        self._scheduler = SimulatedScheduler()
        self._broker = MemoryBroker()
        kept = KeptInFlash()
        kept.keep_locked_down(locked_down=given.get("locked_down", False))
        kind = PortalKind.VENDING if given.get("machine") else PortalKind.TURNSTILE
        self._place = Installation(
            Identity(SITE, CONTROLLER, authority_ring((AUTHORITY.public,))),
            Wiring(kind, FailMode.SECURE, Timings()),
            scheduler=self._scheduler,
            connect=lambda will: MemoryTransport(self._broker, will),
            kept=kept,
            random_bytes=lambda _length: bytes(NONCE),
        )
        self._witness = MemoryTransport(self._broker)
        own = topics.below(SITE, Kind.CONTROLLER, CONTROLLER)
        self._witness.subscribe(own, lambda heard: self.said.append((heard.topic, heard.payload)))
        self._witness.start()
        self._place.power_up()

    def hear(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        # A broker in memory marks nothing as retained that comes live.
        self._place.controller._take(Message(topic, payload, retained=retained))

    def wait(self, milliseconds: int) -> None:
        self._scheduler.advance(timedelta(milliseconds=milliseconds))

    @property
    def version(self) -> int | None:
        return self._place.controller.key_list_version

    @property
    def moves(self) -> int:
        begun = {"unlocked", "dispensing"}
        events = [json.loads(p) for topic, p in self.said if topic.endswith("/event")]
        return sum(event["what"] in begun for event in events)


@pytest.fixture(params=[Plain, Ours], ids=["plain", "ours"])
def made(request: pytest.FixtureRequest) -> Callable[[Given], Controller]:
    return request.param


def topic(sender: str, subject: Subject) -> str:
    kind = Kind.SERVER if sender == SERVER else Kind.GATE
    return topics.build(SITE, kind, DeviceId(sender), subject, CONTROLLER)


def told_to(controller: Controller, sender: str, subject: Subject) -> list[bytes]:
    wanted = topics.build(SITE, Kind.CONTROLLER, CONTROLLER, subject, DeviceId(sender))
    return [payload for said, payload in controller.said if said == wanted]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_each_command_of_the_vectors_gets_its_acknowledgement_word_for_word(
    made: Callable[[Given], Controller], case: dict[str, Any]
) -> None:
    given, sender = case["given"], case["sender"]
    controller = made(given)
    controller.hear(topic(SERVER, Subject.KEYS), bytes.fromhex(VECTORS["key_list_8"]))
    if given.get("asked", True):
        controller.hear(topic(sender, Subject.ASK), REPORTS["ask"]["payload"].encode())
    controller.said.clear()
    controller.wait(given.get("age_ms", 0))
    message = bytes.fromhex(case["message"])
    retained = given.get("retained", False)
    controller.hear(topic(sender, Subject.COMMAND), message, retained=retained)
    (word,) = told_to(controller, sender, Subject.ACKNOWLEDGEMENT)
    assert word.decode() == case["acknowledgement"]
    moved = controller.moves
    done = json.loads(word)["result"] == "done"
    if case["name"].startswith(("unlock", "dispense")) and done:
        assert moved == 1
    elif not done:
        assert moved == 0
    controller.hear(topic(sender, Subject.COMMAND), message, retained=retained)
    again = told_to(controller, sender, Subject.ACKNOWLEDGEMENT)[-1]
    assert again == word or not done
    assert controller.moves == moved


@pytest.mark.parametrize("row", VECTORS["key_lists"], ids=lambda row: row["name"])
def test_each_key_list_of_the_vectors_is_taken_or_not(
    made: Callable[[Given], Controller], row: dict[str, Any]
) -> None:
    controller = made({})
    if row["held"] is not None:
        controller.hear(topic(SERVER, Subject.KEYS), bytes.fromhex(VECTORS["key_list_8"]))
    before = controller.version
    controller.hear(topic(SERVER, Subject.KEYS), bytes.fromhex(row["message"]))
    if row["taken"]:
        assert controller.version is not None
        assert controller.version >= (before or 0)
        assert row["name"] in ("the first", "the same again") or controller.version == 9
    else:
        assert controller.version == before


def test_an_ask_is_answered_as_the_vectors_show(made: Callable[[Given], Controller]) -> None:
    controller = made({})
    controller.hear(topic(SERVER, Subject.KEYS), bytes.fromhex(VECTORS["key_list_8"]))
    controller.said.clear()
    row = REPORTS["ask"]
    controller.hear(row["topic"], row["payload"].encode())
    answer = REPORTS["answer"]
    assert controller.said == [(answer["topic"], answer["payload"].encode())]


def test_status_and_sync_are_said_as_the_vectors_show() -> None:
    plain = Plain({})
    plain.controller.connected()
    plain.hear(topic(SERVER, Subject.KEYS), bytes.fromhex(VECTORS["key_list_8"]))
    plain.controller.connected()
    said = [(where, payload.decode()) for where, payload in plain.said]
    names = ("status", "sync, first", "status", "sync")
    assert said == [(REPORTS[name]["topic"], REPORTS[name]["payload"]) for name in names]


def test_the_flash_record_reads_the_same_to_both() -> None:
    record = bytes.fromhex(VECTORS["flash_record"]).ljust(Flash.SECTOR, b"\xff")
    empty = b"\xff" * Flash.SECTOR
    key_list = bytes.fromhex(VECTORS["key_list_8"])
    assert plain_controller.read_flash([record, empty]) == (True, key_list)
    assert plain_controller.read_flash([empty, empty]) == (False, b"")
    flash = Flash()
    flash.write(0, record.rstrip(b"\xff"))
    kept = KeptInFlash(flash)
    assert (kept.locked_down, kept.key_list) == (True, key_list)


def test_the_plain_controller_knows_nothing_of_ours() -> None:
    tree = ast.parse(Path(plain_controller.__file__).read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    ours = {"access_protocol", "server", "gate_agent", "firmware_sim", "tests", "cbor2", "msgspec"}
    assert imported
    assert not imported & ours


@dataclass
class Conversation:
    """A real gate that grants: asks, writes down, and has it opened."""

    portal: Portal
    journal: Journal

    def grant(self) -> EventId:
        event = EventId(str(uuid4()))
        entry = DecisionEntry(
            at=gate_site.NOW,
            event=event,
            access_point=AccessPointId(gate_site.ENTRANCE),
            reason=None,
            credential="00" * 16,
            credential_class=CredentialClass.STATIC,
            generation=0,
        )
        self.portal.ask(event, gate_site.entrance())
        self.journal.append(entry)
        self.portal.open(event)
        return event


def test_a_real_gate_opens_the_plain_controller_once_and_takes_its_refusal(tmp_path: Path) -> None:
    broker, time, shown = MemoryBroker(), FakeTime(), FakeFeedback()
    identity = gate_site.identity(tmp_path / "gate")
    point = gate_site.entrance()
    journal = Journal(tmp_path / "journal.sqlite3", lambda: {point.id: point})
    gate, device = MemoryTransport(broker), MemoryTransport(broker)
    portal = Portal(
        identity,
        gate,
        journal,
        GateClock(system=lambda: gate_site.NOW),
        reports=shown,
        moment=time.clock,
    )

    def dispatch(message: Message) -> None:
        heard = topics.parse(message.topic)
        if heard.subject is Subject.ANSWER:
            portal.handle_answer(heard, message.payload)
        elif heard.subject is Subject.ACKNOWLEDGEMENT:
            portal.handle_acknowledgement(heard, message.payload)

    gate.subscribe(topics.everything_for(gate_site.SITE, gate_site.GATE), dispatch)
    nonces = iter(range(1, 100))
    plain = PlainController(
        gate_site.SITE,
        point.controller,
        AUTHORITY.public,
        now_ms=lambda: round(time.clock() * 1000),
        random_bytes=lambda length: bytes([next(nonces)]) * length,
        publish=lambda where, payload, retain: device.publish(where, payload, retain=retain),
    )
    plain.obeyed = [(gate_site.GATE, identity.key.public, ["unlock"])]
    device.subscribe_without_retained(
        topics.everything_for(gate_site.SITE, point.controller),
        lambda m: plain.receive(m.topic, m.payload, retained=m.retained),
    )
    for transport in (gate, device):
        transport.start()
    talk = Conversation(portal, journal)
    first = talk.grant()
    assert [order.event for order in plain.moved] == [first]
    assert plain.moved[0].pulse_ms == point.pulse // timedelta(milliseconds=1)
    plain.locked_down = True
    talk.grant()
    assert [order.event for order in plain.moved] == [first]
    assert [shown_[-1] for shown_ in shown.of("door")] == [Outcome.REFUSED]
    plain.locked_down = False
    third = talk.grant()
    assert [order.event for order in plain.moved] == [first, third]
    assert gate.failures == device.failures == 0
    journal.close()


def test_the_servers_commands_move_both_makes(made: Callable[[Given], Controller]) -> None:
    controller = made({})
    controller.hear(topic(SERVER, Subject.KEYS), bytes.fromhex(VECTORS["key_list_8"]))
    controller.hear(topic(SERVER, Subject.ASK), REPORTS["ask"]["payload"].encode())
    answer = codec.decode(Answer, told_to(controller, SERVER, Subject.ANSWER)[-1])
    assert base64.b64decode(json.loads(REPORTS["answer"]["payload"])["nonce"]) == NONCE
    command = commands.Command(
        CONTROLLER, Nonce(answer.nonce), Action.UNLOCK, timedelta(seconds=1), EVENT
    )
    controller.hear(topic(SERVER, Subject.COMMAND), commands.seal(command, SERVER_KEY))
    assert controller.moves == 1


def test_the_real_server_gives_the_plain_controller_its_key_list_and_opens_it(
    database_url: str, tmp_path: Path
) -> None:
    clock, broker = FixedClock(site.NOW), MemoryBroker()
    with closing(site.enrolled_site(database_url, tmp_path, clock)) as office:
        with office.begin(site.SYSTEM) as work:
            (authority,) = public_keys(work, site.TYO, KeyPurpose.AUTHORITY)
        worker, line = FakeWorker(office, broker), MemoryTransport(broker)
        plain = PlainController(
            site.TYO,
            site.DOOR,
            authority,
            now_ms=lambda: 0,
            random_bytes=lambda length: b"n" * length,
            publish=lambda where, payload, retain: line.publish(where, payload, retain=retain),
        )
        line.subscribe_without_retained(
            topics.everything_for(site.TYO, site.DOOR),
            lambda m: plain.receive(m.topic, m.payload, retained=m.retained),
        )
        line.start()
        plain.connected()
        worker.send()
        assert plain.version is not None
        assert {sender for sender, _, _ in plain.obeyed} == {site.GATE, SERVER}
        with office.begin(site.OPERATOR) as work:
            wish = OpenPortal(reason="Delivery")
            asked = open_portal(work, site.TYO, site.SAKURA_DOOR, wish)
        worker.send()
        assert [order.event for order in plain.moved] == [asked.event]
        with office.reading(site.SYSTEM) as work:
            assert work.session.get_one(DoorCommand, asked.event).state is CommandState.DONE
        assert not worker.malformed
        assert line.failures == 0
