"""A whole gate and what it is told: by its server, by the other gates, and by whoever else can write."""

from datetime import timedelta
from uuid import uuid4

from access_protocol import codec, knowledge, topics
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.documents import DocumentKind
from access_protocol.events import ControllerEventKind, PassageNotice
from access_protocol.ids import CredentialId, DeviceId, Direction
from access_protocol.knowledge import AntiPassback, Policy, ZonePolicy
from access_protocol.topics import Kind, Subject
from tests.fakes.gate_site import (
    ENTRANCE,
    GATE,
    NOW,
    OFFICE,
    SITE,
    bound,
    document,
    entrance,
    full,
    policy,
    short,
    static,
)
from tests.fakes.running_gate import OFFLINE, Gate


def test_a_revocation_counts_as_soon_as_it_is_pushed(gate: Gate) -> None:
    agent = gate.start()
    visitor = CredentialId((1).to_bytes(16, "big"))
    gate.server.revoke(visitor, 1)
    gate.until(lambda: agent.knowledge.lowest_generation(visitor) == 1)
    gate.camera.show(static())
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.REVOKED)


def test_a_new_gate_admits_nobody_before_it_knows_anything(gate: Gate) -> None:
    gate.broker.lose()
    gate.start()
    gate.camera.show(static())
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.UNKNOWN_KEY)
    assert OFFLINE in gate.feedback.shown


def test_an_access_point_that_the_policy_does_not_name_admits_nobody(gate: Gate) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        type(policy())(access_points={})
    )
    gate.start()
    gate.camera.show(static())
    gate.feedback.wait_for("refused", ENTRANCE, DenyReason.CLASS_NOT_ALLOWED)
    assert gate.controller.asks == []


def test_nonsense_on_mqtt_is_counted_and_stops_nothing(gate: Gate) -> None:
    agent = gate.start()
    send = gate.server.publish
    send(Subject.KNOWLEDGE, b"\x00" * 300)
    send(Subject.KNOWLEDGE, document(DocumentKind.POLICY, b"\xff", 9))
    send(Subject.RECEIPT, b"{")
    gate.controller._publish(Subject.ANSWER, b"[]")
    gate.controller.transport.publish(
        topics.build(SITE, Kind.CONTROLLER, gate.controller.name, Subject.EVENT), b"\xff"
    )
    gate.until(lambda: agent.health().malformed_messages == 5)
    gate.camera.show(static())
    gate.feedback.wait_for("granted")


def test_it_asks_only_for_what_is_newer_than_what_it_holds(gate: Gate) -> None:
    gate.server.revoke(CredentialId(bytes(16)), 1)
    gate.start()
    gate.stop()
    gate.start()
    assert gate.server.asked[-1] == {"keys": 1, "policy": 1, "revocations": 1}


def test_a_receipt_in_the_name_of_another_server_counts_for_nothing(gate: Gate) -> None:
    agent = gate.start()
    gate.broker.publish(
        f"genkan/{SITE}/server/imposter/receipt/gate-1", b'{"version":1}', retain=False
    )
    assert agent.health().malformed_messages == 1


def test_a_phone_that_the_gate_does_not_hold_is_asked_to_hold_still_and_then_let_in(
    gate: Gate,
) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        policy(entrance(classes=frozenset(CredentialClass)))
    )
    reader = gate.start().readers[0]
    reader.present((short(bound()),))
    reader.present((short(bound()),))
    assert gate.feedback.of("hold_still", "refused") == [("hold_still", ENTRANCE)]
    assert gate.controller.commands == []
    reader.present((full(bound()),))
    gate.until(lambda: gate.controller.commands)
    assert gate.feedback.of("granted") == [("granted", ENTRANCE)]


def test_a_phone_that_the_gate_holds_is_let_in_by_its_short_presentation(gate: Gate) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        policy(entrance(classes=frozenset(CredentialClass)))
    )
    gate.server.tell(DocumentKind.CREDENTIALS, bound())
    gate.start().readers[0].present((short(bound()),))
    gate.until(lambda: gate.controller.commands)
    assert gate.feedback.of("hold_still") == []


def test_who_entered_at_another_gate_is_kept_out_here_and_told_of_by_it(gate: Gate) -> None:
    gate.server.bodies[DocumentKind.POLICY] = knowledge.write_policy(
        Policy(
            {ENTRANCE: entrance(classes=frozenset(CredentialClass))},
            zones={OFFICE: ZonePolicy(AntiPassback.HARD)},
        )
    )
    told: list[PassageNotice] = []
    gate.server.transport.subscribe(
        topics.build(SITE, Kind.GATE, GATE, Subject.PASSAGE),
        lambda message: told.append(codec.decode(PassageNotice, message.payload)),
    )
    agent = gate.start()
    notice = PassageNotice(
        at=NOW - timedelta(minutes=1),
        event=str(uuid4()),
        access_point="west-gate-in",
        zone=OFFICE,
        direction=Direction.IN,
        credential=CredentialId((1).to_bytes(16, "big")).hex(),
        credential_class=CredentialClass.BOUND,
        generation=0,
    )
    elsewhere = topics.build(SITE, Kind.GATE, DeviceId("gate-2"), Subject.PASSAGE)
    gate.server.transport.publish(elsewhere, codec.encode(notice))
    history = agent.readers[0]._desk.history
    gate.until(lambda: history.inside(CredentialId((1).to_bytes(16, "big")), OFFICE, None))
    agent.readers[0].present((full(bound(1)),))
    assert gate.feedback.of("refused") == [("refused", ENTRANCE, DenyReason.ANTI_PASSBACK)]
    agent.readers[0].present((full(bound(2)),))
    gate.until(lambda: gate.controller.commands)
    assert told == []
    gate.controller.happens(ControllerEventKind.PASSED, gate.controller.commands[0].event)
    gate.until(lambda: told)
    assert told[0].credential == CredentialId((2).to_bytes(16, "big")).hex()
