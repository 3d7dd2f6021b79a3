"""Asking and commanding a controller: what it obeys, and in which words it refuses."""

import pytest

from access_protocol import codec
from access_protocol.commands import COMMAND_CEILING, Action, Ask
from access_protocol.decision import CommandRefusal
from access_protocol.events import ControllerEventKind
from access_protocol.ids import DeviceId, Nonce
from access_protocol.keys import SigningKey
from access_protocol.knowledge import Obeyed
from access_protocol.topics import SERVER, Kind, Subject, build
from access_protocol.transport.base import Message
from tests.fakes.controller_scene import (
    DOOR,
    GATE,
    KEYS,
    OBEYED,
    OTHER_GATE,
    SITE,
    STRANGER,
    Scene,
    done,
    key_list,
    refused,
    seconds,
)


@pytest.fixture
def scene() -> Scene:
    return Scene().start()


def test_a_command_that_was_asked_for_unlocks_and_is_acknowledged(scene: Scene) -> None:
    event = scene.event()
    assert scene.sender().do(event) == done(event)
    assert scene.circuit.relay
    assert scene.doorway.push()
    scene.advance(0.1)
    assert scene.told(event) == [ControllerEventKind.UNLOCKED, ControllerEventKind.OPENED]


def test_a_replayed_command_gets_the_same_word_and_moves_nothing(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    message = gate.sealed(nonce, event)
    assert gate.send(message) == done(event)
    scene.advance(10)
    assert not scene.circuit.relay
    assert gate.send(message) == done(event)
    assert scene.relay_edges == [True, False]


def test_a_command_replayed_after_a_later_one_is_refused(scene: Scene) -> None:
    gate, first, later = scene.sender(), scene.event(), scene.event()
    nonce = gate.ask(first)
    assert nonce is not None
    message = gate.sealed(nonce, first)
    gate.send(message)
    gate.do(later)
    scene.advance(10)
    assert gate.send(message) == refused(first, CommandRefusal.NO_NONCE)
    gate.ask(scene.event())
    assert gate.send(message) == refused(first, CommandRefusal.NONCE_WRONG)
    assert not scene.circuit.relay


def test_a_replay_does_not_displace_the_word_on_the_last_command(scene: Scene) -> None:
    gate, first, last = scene.sender(), scene.event(), scene.event()
    old = gate.sealed(gate.ask(first) or Nonce(b""), first)
    gate.send(old)
    new = gate.sealed(gate.ask(last) or Nonce(b""), last)
    gate.send(new)
    gate.send(old)
    assert gate.send(new) == done(last)


def test_a_command_without_an_ask_is_refused(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    answer = gate.send(gate.sealed(Nonce(bytes(16)), event))
    assert answer == refused(event, CommandRefusal.NO_NONCE)
    assert scene.relay_edges == []


def test_a_guessed_nonce_is_refused_and_leaves_the_true_one_standing(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    wrong = gate.send(gate.sealed(Nonce(bytes(16)), event))
    assert wrong == refused(event, CommandRefusal.NONCE_WRONG)
    assert gate.send(gate.sealed(nonce, event)) == done(event)


def test_another_senders_nonce_opens_nothing(scene: Scene) -> None:
    gate, other, event = scene.sender(), scene.sender(OTHER_GATE), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    other_event = scene.event()
    assert other.ask(other_event) is not None
    stolen = other.send(other.sealed(nonce, event))
    assert stolen == refused(event, CommandRefusal.NONCE_WRONG)
    assert scene.relay_edges == []


def test_an_ask_that_comes_twice_gets_the_same_nonce_with_the_same_life(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    scene.advance(4.9)
    assert gate.ask(event) == nonce
    scene.advance(0.2)
    assert gate.ask(event) != nonce


def test_a_nonce_is_good_until_just_before_five_seconds(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    message = gate.sealed(gate.ask(event) or Nonce(b""), event)
    scene.advance(4.999)
    assert gate.send(message) == done(event)


def test_a_nonce_of_five_seconds_is_refused_and_gone(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    message = gate.sealed(gate.ask(event) or Nonce(b""), event)
    scene.advance(5)
    assert gate.send(message) == refused(event, CommandRefusal.NONCE_EXPIRED)
    assert gate.send(message) == refused(event, CommandRefusal.NONCE_EXPIRED)
    assert scene.relay_edges == []


def test_a_command_for_another_controller_is_refused(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    message = gate.sealed(nonce, event, controller=DeviceId("turnstile-1"))
    assert gate.send(message) == refused(event, CommandRefusal.OTHER_CONTROLLER)


def test_a_sender_that_is_not_on_the_key_list_is_told_so_when_it_asks(scene: Scene) -> None:
    stranger, event = scene.sender(STRANGER), scene.event()
    assert stranger.ask(event) is None
    assert stranger.acknowledgements == [refused(event, CommandRefusal.UNKNOWN_SENDER)]
    word = stranger.send(stranger.sealed(Nonce(bytes(16)), event))
    assert word == refused(None, CommandRefusal.UNKNOWN_SENDER)


def test_a_command_by_another_key_is_refused_as_bad_signature(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    for key in (KEYS[OTHER_GATE], KEYS[SERVER], SigningKey(b"x" * 32)):
        word = gate.send(gate.sealed(nonce, event, key=key))
        assert word == refused(None, CommandRefusal.BAD_SIGNATURE)
    assert scene.relay_edges == []


def test_a_command_that_the_broker_had_retained_is_refused_unread(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    message = gate.sealed(gate.ask(event) or Nonce(b""), event)
    topic = build(SITE, Kind.GATE, GATE, Subject.COMMAND, DOOR)
    scene.installation.controller._take(Message(topic, message, retained=True))
    assert gate.acknowledgements == [refused(None, CommandRefusal.RETAINED)]
    assert scene.relay_edges == []
    assert gate.send(message) == done(event)


def test_what_was_retained_on_the_command_topic_does_not_come_at_all(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    gate.send(gate.sealed(gate.ask(event) or Nonce(b""), event), retain=True)
    scene.advance(10)
    scene.cut_power()
    scene.restore_power()
    assert gate.acknowledgements == [done(event)]
    assert scene.relay_edges == [True, False]


@pytest.mark.parametrize("size", [0, 1, COMMAND_CEILING, COMMAND_CEILING + 1, 100_000])
def test_bytes_that_are_no_command_are_refused_whatever_their_size(scene: Scene, size: int) -> None:
    assert scene.sender().send(b"\x84" * size) == refused(None, CommandRefusal.MALFORMED)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"version":2,"event":"x"}',
        b'{"version":1,"event":"00000000-0000-4000-8000-000000000001\\n"}',
        b"0" * 70_000,
    ],
    ids=["empty", "no fields", "no UTF-8", "deep", "unknown version", "line break", "oversize"],
)
def test_a_malformed_ask_is_counted_and_gets_no_answer(scene: Scene, payload: bytes) -> None:
    gate = scene.sender()
    gate.publish(Subject.ASK, payload)
    assert gate.answers == []
    assert scene.installation.controller.malformed_messages == 1
    assert scene.transport.failures == 0
    event = scene.event()
    assert gate.do(event) == done(event)


def test_each_key_is_obeyed_for_its_actions_only(scene: Scene) -> None:
    gate, server = scene.sender(), scene.sender(SERVER)
    event = scene.event()
    word = gate.do(event, Action.LOCK_DOWN)
    assert word == refused(event, CommandRefusal.ACTION_NOT_ALLOWED)
    event = scene.event()
    assert server.do(event, Action.LOCK_DOWN) == done(event)


def test_a_door_dispenses_nothing_whoever_says_so(scene: Scene) -> None:
    event = scene.event()
    word = scene.sender(SERVER).do(event, Action.DISPENSE)
    assert word == refused(event, CommandRefusal.ACTION_NOT_ALLOWED)


def test_a_sender_with_two_keys_is_obeyed_by_each_for_its_own_actions() -> None:
    fresh = SigningKey(b"n" * 32)
    both = (*OBEYED, Obeyed(GATE, fresh.public, frozenset({Action.LOCK_DOWN})))
    scene = Scene().start(both)
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    word = gate.send(gate.sealed(nonce, event, key=fresh))
    assert word == refused(event, CommandRefusal.ACTION_NOT_ALLOWED)
    event = scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    assert gate.send(gate.sealed(nonce, event, Action.LOCK_DOWN, key=fresh)) == done(event)


def test_nobody_is_obeyed_before_the_first_key_list() -> None:
    scene = Scene()
    scene.installation.power_up()
    assert scene.sender().ask(scene.event()) is None


def test_a_sender_struck_off_the_list_loses_the_nonce_it_holds(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    message = gate.sealed(gate.ask(event) or Nonce(b""), event)
    scene.give_key_list(key_list(2, OBEYED[1:]))
    assert gate.send(message) == refused(None, CommandRefusal.UNKNOWN_SENDER)
    scene.give_key_list(key_list(3))
    assert gate.send(message) == refused(event, CommandRefusal.NO_NONCE)


def test_a_gate_that_calls_itself_server_is_not_heard(scene: Scene) -> None:
    ask = codec.encode(Ask(event=scene.event()))
    scene.listener.publish("genkan/TYO/gate/server/ask/door-sakura", ask)
    assert scene.installation.controller.malformed_messages == 1


def test_a_refused_command_is_reported_with_who_and_why(scene: Scene) -> None:
    gate, event = scene.sender(), scene.event()
    gate.send(gate.sealed(Nonce(bytes(16)), event))
    told = scene.events[-1]
    assert (told.what, told.event) == (ControllerEventKind.COMMAND_REFUSED, event)
    assert told.detail == "gate-1: no_nonce"


def test_the_pulse_is_clamped_to_what_the_door_allows(scene: Scene) -> None:
    gate = scene.sender()
    gate.do(scene.event(), pulse=seconds(3600))
    scene.advance(9.9)
    assert scene.circuit.relay
    scene.advance(0.2)
    assert not scene.circuit.relay
    gate.do(scene.event(), pulse=seconds(0))
    scene.advance(0.19)
    assert scene.circuit.relay
    scene.advance(0.02)
    assert not scene.circuit.relay
