"""Somebody who holds every message that was ever sent, and no key: whatever they send opens nothing."""

from collections.abc import Callable, Iterator
from random import Random

from access_protocol.commands import NONCE_LIFE, Result
from access_protocol.ids import DeviceId, EventId
from access_protocol.keys import SigningKey
from tests.fakes.controller_scene import (
    AUTHORITY,
    OBEYED,
    OTHER_GATE,
    Scene,
    Sender,
    key_list,
)
from tests.faults import figures
from tests.faults.flipped import refused, vectors
from tests.faults.history import Findings

_CONTROL_EVERY = 100
"""How often a true command must open, so that it is seen that the door works at all."""
_RELOCKED_AFTER_S = 30.0
_FRESH_SCENE_EVERY = 200
_LIFE_S = NONCE_LIFE.total_seconds()


class Forger:
    """One door, its gate, and who listens to everything that they say."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.scene = Scene().start()
        self.gate, self.other = self.scene.sender(), self.scene.sender(OTHER_GATE)
        self.overheard: list[bytes] = []
        self.key = SigningKey(random.randbytes(32))
        self.tricks: tuple[Callable[[], None], ...] = (
            self.mutated,
            self.replayed,
            self.delayed,
            self.redirected,
            self.retained,
            self.queued,
            self.signed_by_a_stranger,
            self.obeyed_by_decree,
        )

    def opened(self) -> int:
        """How often the relay was switched on."""
        return sum(self.scene.relay_edges)

    def control(self) -> bool:
        """The gate opens as it may; returns whether the door did, and what was said is overheard."""
        event, before = self.scene.event(), self.opened()
        message = self._true(self.gate, event)
        word = self.gate.send(message)
        self.overheard.append(message)
        opened = self.opened() == before + 1 and word is not None and word.result is Result.DONE
        self.scene.advance(_RELOCKED_AFTER_S)
        return opened

    def mutated(self) -> None:
        """A command on its way is changed: bits, bytes, a piece cut out, doubled or put in."""
        true = self._true(self.gate, self.scene.event())
        message = bytearray(true)
        # Once in many thousand times one change takes another back, and what is left is true.
        while bytes(message) == true:
            for _ in range(self.random.randint(1, 3)):
                self._mutate(message)
        self.gate.send(bytes(message))

    def _mutate(self, message: bytearray) -> None:
        at = self.random.randrange(len(message))
        match self.random.randrange(5):
            case 0:
                message[at] ^= 1 << self.random.randrange(8)
            case 1:
                message[at] = (message[at] + self.random.randint(1, 255)) % 256
            case 2:
                del message[at : at + self.random.randint(1, 8)]
            case 3:
                message[at:at] = self.random.randbytes(self.random.randint(1, 8))
            case _:
                message[at:at] = message[at : at + self.random.randint(1, 8)]

    def replayed(self) -> None:
        """An old command comes again, with a nonce given out for another event, or without one."""
        if self.random.random() < 0.5:
            self.gate.ask(self.scene.event())
        if self.overheard:
            self.gate.send(self.random.choice(self.overheard))

    def delayed(self) -> None:
        """A true command is held back until its nonce has lived."""
        message = self._true(self.gate, self.scene.event())
        self.scene.advance(_LIFE_S + self.random.choice((0.0, 0.001, 1.0, 3600.0)))
        self.gate.send(message)

    def redirected(self) -> None:
        """A true command goes out in another sender's name, or was meant for another door."""
        event = self.scene.event()
        if self.random.random() < 0.5:
            self.other.ask(event)
            self.other.send(self._true(self.gate, event))
        else:
            nonce = self.gate.ask(event)
            if nonce is not None:
                self.gate.send(self.gate.sealed(nonce, event, controller=DeviceId("door-other")))

    def retained(self) -> None:
        """A true command is left with the broker for a door that is away and comes back."""
        message = self._true(self.gate, self.scene.event())
        self.scene.cut_power()
        self.gate.send(message, retain=True)
        self.scene.restore_power()
        self.gate.send(b"", retain=True)

    def queued(self) -> None:
        """True commands wait somewhere while the door starts anew, and arrive then."""
        message = self._true(self.gate, self.scene.event())
        self.scene.cut_power()
        self.scene.restore_power()
        self.gate.send(message)

    def signed_by_a_stranger(self) -> None:
        """Everything fits but the key."""
        event = self.scene.event()
        nonce = self.gate.ask(event)
        if nonce is not None:
            self.gate.send(self.gate.sealed(nonce, event, key=self.key))

    def obeyed_by_decree(self) -> None:
        """A key list of the forger's own making, or an old true one, is to make the door obey."""
        stranger = [one.__class__(one.sender, self.key.public, one.actions) for one in OBEYED]
        forged = key_list(99, stranger, key=self.key)
        self.scene.give_key_list(self.random.choice((forged, key_list(0, stranger, key=AUTHORITY))))
        self.signed_by_a_stranger()

    def _true(self, sender: Sender, event: EventId) -> bytes:
        nonce = sender.ask(event)
        if nonce is None:
            raise AssertionError("the door gives no nonce to its own gate")
        return sender.sealed(nonce, event)


def forged(scene: figures.Scene) -> Findings:
    """Commands that are mutated, replayed, delayed, redirected, retained, queued or signed by a stranger."""
    wrongly, unexpected = set[str](), set[str]()
    forger = Forger(scene.random)
    for number in scene.rounds():
        if number % _FRESH_SCENE_EVERY == 0:
            forger = Forger(scene.random)
        if number % _CONTROL_EVERY == 0 and not forger.control():
            unexpected.add(f"before attempt {number} the door did not open for its own gate")
        before, trick = forger.opened(), scene.random.choice(forger.tricks)
        trick()
        if forger.opened() != before:
            wrongly.add(f"attempt {number} ({trick.__name__}) opened the door")
    return Findings(unexpected=frozenset(unexpected), opened_wrongly=frozenset(wrongly))


def flipped_bits(scene: figures.Scene) -> Findings:
    """Every single bit of every vector."""
    del scene
    wrongly = {
        f"{name} with bit {place} flipped is taken for good"
        for name, message in vectors()
        for place, changed in enumerate(_each_bit_flipped(message))
        if not refused(name, changed)
    }
    good = {name for name, message in vectors() if refused(name, message)}
    return Findings(
        unexpected=frozenset(f"{name} itself is refused" for name in good),
        opened_wrongly=frozenset(wrongly),
    )


def bits() -> int:
    """How many bits all vectors have."""
    return sum(len(message) * 8 for _, message in vectors())


def _each_bit_flipped(message: bytes) -> Iterator[bytes]:
    for place in range(len(message) * 8):
        changed = bytearray(message)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)
