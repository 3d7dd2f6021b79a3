"""Whatever comes in, and in whatever order: a relay moves for fresh, valid, unused commands only."""

from dataclasses import dataclass
from datetime import timedelta

import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from access_protocol.commands import NONCE_LIFE, Acknowledgement, Action, Result
from access_protocol.decision import CommandRefusal
from access_protocol.ids import DeviceId, EventId, Nonce
from access_protocol.topics import SERVER, Subject
from firmware_sim.faults import MendMessages, Messages
from firmware_sim.installation import PortalKind
from firmware_sim.machine import Machine
from firmware_sim.people import Walkers
from firmware_sim.physical import Doorway, FailMode
from firmware_sim.turnstile import MOST_GRANTED
from tests.fakes.controller_scene import (
    GATE,
    OBEYED,
    OTHER_GATE,
    STRANGER,
    Scene,
    Sender,
    done,
    key_list,
    seconds,
)

# A busy machine makes no test fail.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _asked() -> tuple[Scene, Sender, EventId, bytes]:
    scene = Scene().start()
    gate, event = scene.sender(), scene.event()
    nonce = gate.ask(event)
    assert nonce is not None
    return scene, gate, event, gate.sealed(nonce, event)


def test_a_command_with_any_one_bit_flipped_opens_nothing() -> None:
    scene, gate, event, message = _asked()
    for place in range(len(message) * 8):
        flipped = bytearray(message)
        flipped[place // 8] ^= 1 << (place % 8)
        word = gate.send(bytes(flipped))
        assert word is not None
        assert word.result is Result.REFUSED
    assert scene.relay_edges == []
    assert gate.send(message) == done(event)


@given(st.data())
@UNTIMED
def test_a_command_cut_stretched_or_overwritten_opens_nothing(data: st.DataObject) -> None:
    scene, gate, _, message = _asked()
    start = data.draw(st.integers(0, len(message)))
    end = data.draw(st.integers(start, len(message)))
    mutated = message[:start] + data.draw(st.binary(max_size=300)) + message[end:]
    if mutated != message:
        gate.send(mutated)
        assert scene.relay_edges == []


@UNTIMED
@given(st.binary(max_size=70_000), st.sampled_from([Subject.ASK, Subject.COMMAND]))
@example(b"\xd8" * 200, Subject.COMMAND)
def test_no_bytes_stop_a_controller(payload: bytes, subject: Subject) -> None:
    scene = Scene().start()
    gate, event = scene.sender(), scene.event()
    gate.publish(subject, payload)
    assert scene.relay_edges == []
    assert scene.transport.failures == 0
    assert gate.do(event) == done(event)


@UNTIMED
@given(st.binary(max_size=2000))
def test_no_bytes_become_a_key_list(payload: bytes) -> None:
    scene = Scene().start()
    scene.give_key_list(payload)
    assert scene.installation.controller.key_list_version == 1


@UNTIMED
@given(
    kind=st.sampled_from([PortalKind.DOOR, PortalKind.TURNSTILE]),
    fails=st.sampled_from(FailMode),
    steps=st.lists(
        st.sampled_from(["unlock", "tick", "push", "leave", "shut", "ask"]), max_size=12
    ),
    walks=st.booleans(),
    off_for=st.floats(0, 120),
)
def test_power_lost_at_any_instant_leaves_the_portal_as_its_fail_mode_demands(
    kind: PortalKind, fails: FailMode, steps: list[str], *, walks: bool, off_for: float
) -> None:
    scene = Scene(kind, fails).start()
    body, gate = scene.installation.body, scene.sender()
    assert not isinstance(body, Machine)
    if walks:
        Walkers(body, scene.scheduler)
    for step in steps:
        if step == "unlock":
            gate.do(scene.event())
        elif step == "ask":
            gate.ask(scene.event())
        elif step == "tick":
            scene.advance(0.7)
        elif step == "push":
            body.push()
        elif step == "leave":
            assert body.leave()
        elif isinstance(body, Doorway):
            body.shut()
    scene.cut_power()
    told = len(scene.events)
    scene.advance(off_for)
    assert not scene.circuit.relay
    assert scene.circuit.released is (fails is FailMode.SAFE)
    assert len(scene.events) == told
    assert body.leave()
    scene.restore_power()
    scene.advance(60)
    assert not scene.circuit.released
    event = scene.event()
    assert gate.do(event) == done(event)


@UNTIMED
@given(
    drop=st.floats(0, 0.5),
    duplicate=st.floats(0, 1),
    reorder=st.floats(0, 1),
    longest_delay_ms=st.integers(0, 8000),
    seed=st.integers(0, 1 << 16),
    pauses=st.lists(st.sampled_from([0, 0.3, 1, 4.9, 6]), min_size=5, max_size=15),
)
def test_on_the_worst_of_lines_each_command_moves_the_relay_once_or_not_at_all(
    drop: float,
    duplicate: float,
    reorder: float,
    longest_delay_ms: int,
    seed: int,
    pauses: list[float],
) -> None:
    scene = Scene(PortalKind.TURNSTILE).start()
    gate = scene.sender()
    scene.saboteur.inject(
        Messages(
            drop=drop,
            duplicate=duplicate,
            reorder=reorder,
            longest_delay_ms=longest_delay_ms,
            seed=seed,
        )
    )
    commanded: set[str] = set()
    for pause in pauses:
        gate.ask(scene.event())
        scene.advance(pause)
        fresh = [answer for answer in gate.answers if answer.event not in commanded]
        for answer in fresh[-1:]:
            commanded.add(answer.event)
            nonce, event = Nonce(answer.nonce), EventId(answer.event)
            gate.send(gate.sealed(nonce, event, pulse=seconds(0.2)))
        scene.advance(1)
    scene.saboteur.inject(MendMessages())
    scene.advance(30)
    told = {report.sequence: report for report in scene.events}.values()
    unlocked = [report.event for report in told if report.what == "unlocked"]
    assert len(unlocked) == len(set(unlocked))
    assert set(unlocked) <= commanded
    assert scene.saboteur.look().pulses <= len(commanded)
    refused_words = {w.event for w in gate.acknowledgements if w.result is Result.REFUSED}
    done_words = {w.event for w in gate.acknowledgements if w.result is Result.DONE}
    assert done_words <= commanded
    assert not (refused_words - commanded)


@dataclass(frozen=True)
class Sealed:
    """A command as its sender made it, with what a controller may not forget about it."""

    message: bytes
    sender: DeviceId
    nonce: Nonce
    event: EventId
    action: Action


class Conversations(RuleBasedStateMachine):
    """Senders ask, command, replay and swap nonces while time passes and the power fails.

    The model keeps, for each sender, the one nonce that may still open, and counts every command
    that the rules allow; the relay must have been switched on exactly so often.
    """

    answers = Bundle("answers")
    messages = Bundle("messages")

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(PortalKind.TURNSTILE).start()
        self.senders = {
            device: self.scene.sender(device) for device in (GATE, OTHER_GATE, SERVER, STRANGER)
        }
        self.fresh: dict[DeviceId, tuple[Nonce, timedelta]] = {}
        self.version = 1
        self.listed = {one.sender for one in OBEYED}
        self.unlocked: list[EventId] = []
        self.locked_down = False
        self.last_word: dict[DeviceId, Acknowledgement] = {}

    @rule(target=answers, device=st.sampled_from([GATE, OTHER_GATE, SERVER, STRANGER]))
    def ask(self, device: DeviceId) -> tuple[Nonce, EventId]:
        return self._ask(device)

    def _ask(self, device: DeviceId) -> tuple[Nonce, EventId]:
        event = self.scene.event()
        nonce = self.senders[device].ask(event)
        assert (nonce is not None) == (device in self.listed)
        if nonce is None:
            return Nonce(bytes(16)), event
        self.fresh[device] = nonce, self.scene.scheduler.now() + NONCE_LIFE
        return nonce, event

    @rule(
        target=messages,
        answer=answers,
        sender=st.sampled_from([GATE, OTHER_GATE, SERVER, STRANGER]),
        action=st.sampled_from([Action.UNLOCK, Action.UNLOCK, Action.LOCK_DOWN, Action.RELEASE]),
    )
    def seal(self, answer: tuple[Nonce, EventId], sender: DeviceId, action: Action) -> Sealed:
        return self._seal(answer, sender, action)

    def _seal(self, answer: tuple[Nonce, EventId], sender: DeviceId, action: Action) -> Sealed:
        nonce, event = answer
        message = self.senders[sender].sealed(nonce, event, action, seconds(2))
        return Sealed(message, sender, nonce, event, action)

    @rule(
        target=messages,
        device=st.sampled_from([GATE, OTHER_GATE, SERVER]),
        action=st.sampled_from([Action.UNLOCK, Action.UNLOCK, Action.LOCK_DOWN, Action.RELEASE]),
        wait=st.sampled_from([0, 0, 0, 2, 4.999, 5, 60]),
    )
    def ask_seal_and_send(self, device: DeviceId, action: Action, wait: float) -> Sealed:
        sealed = self._seal(self._ask(device), device, action)
        self.scene.advance(wait)
        self._send(sealed, self.senders[device])
        return sealed

    @rule(sealed=messages)
    def send(self, sealed: Sealed) -> None:
        self._send(sealed, self.senders[sealed.sender])

    @rule(sealed=messages, through=st.sampled_from([GATE, OTHER_GATE, SERVER, STRANGER]))
    def send_through_somebody_else(self, sealed: Sealed, through: DeviceId) -> None:
        if through != sealed.sender:
            word = self.senders[through].send(sealed.message)
            assert word is not None
            assert word.refusal in {CommandRefusal.BAD_SIGNATURE, CommandRefusal.UNKNOWN_SENDER}

    @rule(sealed=consumes(messages))
    def send_twice(self, sealed: Sealed) -> None:
        self._send(sealed, self.senders[sealed.sender])
        edges = list(self.scene.relay_edges)
        self._send(sealed, self.senders[sealed.sender])
        assert self.scene.relay_edges == edges

    @rule(for_seconds=st.sampled_from([0.1, 1, 2, 4.999, 5, 60]))
    def tick(self, for_seconds: float) -> None:
        self.scene.advance(for_seconds)

    @rule(without=st.sampled_from([None, GATE, OTHER_GATE]))
    def change_the_key_list(self, without: DeviceId | None) -> None:
        self.version += 1
        obeyed = [one for one in OBEYED if one.sender != without]
        self.scene.give_key_list(key_list(self.version, obeyed))
        self.listed = {one.sender for one in obeyed}
        for gone in [sender for sender in self.fresh if sender not in self.listed]:
            del self.fresh[gone]
        self.last_word = {
            sender: word for sender, word in self.last_word.items() if sender in self.listed
        }

    @rule()
    def lose_and_restore_power(self) -> None:
        self.scene.cut_power()
        self.scene.restore_power()
        self.fresh.clear()
        self.last_word.clear()

    @rule()
    def hang_until_the_watchdog_bites(self) -> None:
        self.scene.installation.freeze()
        self.scene.advance(2)
        self.fresh.clear()
        self.last_word.clear()

    @invariant()
    def only_those_commands_unlocked_that_were_allowed_to(self) -> None:
        reported = [told.event for told in self.scene.events if told.what == "unlocked"]
        assert reported == self.unlocked

    def _send(self, sealed: Sealed, sender: Sender) -> None:
        word = sender.send(sealed.message)
        assert word is not None
        if sealed.sender not in self.listed:
            assert word.refusal is CommandRefusal.UNKNOWN_SENDER
            return
        last_word = self.last_word.get(sealed.sender)
        if last_word is not None and last_word.event == sealed.event:
            assert word == last_word  # and the invariant says that nothing moved
            return
        nonce, until = self.fresh.get(sealed.sender, (None, timedelta()))
        if nonce != sealed.nonce:
            expected = CommandRefusal.NO_NONCE if nonce is None else CommandRefusal.NONCE_WRONG
            assert word.refusal is expected
            return
        del self.fresh[sealed.sender]
        self.last_word[sealed.sender] = word
        self._obeyed_or_not(sealed, word.refusal, expired=self.scene.scheduler.now() >= until)

    def _obeyed_or_not(
        self, sealed: Sealed, refusal: CommandRefusal | None, *, expired: bool
    ) -> None:
        if expired:
            assert refusal is CommandRefusal.NONCE_EXPIRED
        elif sealed.action is not Action.UNLOCK and sealed.sender != SERVER:
            assert refusal is CommandRefusal.ACTION_NOT_ALLOWED
        elif sealed.action is Action.UNLOCK and self.locked_down:
            assert refusal is CommandRefusal.LOCKED_DOWN
        elif refusal is CommandRefusal.BUSY:
            assert len(self.unlocked) >= MOST_GRANTED
        else:
            assert refusal is None
            if sealed.action is Action.UNLOCK:
                self.unlocked.append(sealed.event)
                self.scene.advance(0.1)  # a relay that fell off this instant rests for a moment
            else:
                self.locked_down = sealed.action is Action.LOCK_DOWN


TestConversations = Conversations.TestCase
TestConversations.settings = settings(UNTIMED, max_examples=150, stateful_step_count=40)
