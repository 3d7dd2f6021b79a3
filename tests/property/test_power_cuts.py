"""The power goes at every instant: no old command counts, nothing opens, what is kept stays whole."""

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from access_protocol.commands import Acknowledgement, Action, Result
from access_protocol.topics import SERVER
from firmware_sim.installation import PortalKind
from firmware_sim.kept import Flash, KeptInFlash
from firmware_sim.scheduler import Died
from tests.fakes.controller_scene import GATE, OBEYED, Scene, Sender, done, key_list

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AT_MOST = 400
"""Instants in the whole story below; it has fewer."""


class Story:
    """A conversation as it happens on any day, told up to the instant at which the power goes.

    An instant is: before and after each message that the controller publishes, each edge of its
    relay, and before each page and each erasure of its flash.
    """

    def __init__(self, cut_at: int) -> None:
        self.scene = Scene().start()
        self.gate, self.server = self.scene.sender(), self.scene.sender(SERVER)
        self.sent: list[tuple[Sender, bytes]] = []
        self.words: dict[Action, Acknowledgement] = {}
        self.cut = False
        self._left = cut_at
        self.scene.before_each_instant = self._instant
        self.scene.kept.flash.before_each_step = self._instant

    def _instant(self) -> None:
        if self.cut or not self.scene.installation.running:
            return
        self._left -= 1
        if self._left < 0:
            self.cut = True
            self.scene.cut_power()
            raise Died

    def tell(self) -> None:
        """Everything that makes a controller write, move or speak."""
        steps: list[Callable[[], None]] = [
            lambda: self._command(self.gate, Action.UNLOCK),
            lambda: self.scene.give_key_list(key_list(2, OBEYED)),
            lambda: self.scene.advance(6),
            lambda: self._command(self.server, Action.LOCK_DOWN),
            lambda: self._command(self.gate, Action.UNLOCK),
            lambda: self.scene.give_key_list(key_list(3, OBEYED[::-1])),
            lambda: self._command(self.server, Action.RELEASE),
            lambda: self._command(self.gate, Action.UNLOCK),
        ]
        for step in steps:
            if not self.cut:
                step()

    def _command(self, sender: Sender, action: Action) -> None:
        event = self.scene.event()
        nonce = sender.ask(event)
        if nonce is not None and not self.cut:
            message = sender.sealed(nonce, event, action)
            self.sent.append((sender, message))
            word = sender.send(message)
            if word is not None:
                self.words[action] = word

    def finish(self) -> None:
        """The power comes back, and everything must be as the page on controllers says."""
        scene, before = self.scene, list(self.scene.relay_edges)
        scene.advance(10)
        scene.restore_power()
        assert not scene.circuit.released
        scene.advance(60)
        for sender, message in self.sent:
            word = sender.send(message)
            assert word is not None
            assert word.result is Result.REFUSED
        assert scene.relay_edges in (before, [*before, False])
        assert scene.installation.controller.key_list_version in (1, 2, 3)
        assert scene.transport.failures == 0


def locked_down(scene: Scene) -> bool:
    return scene.state.lock == "locked_down"


@pytest.mark.parametrize("part", range(4))
def test_the_power_may_go_at_every_instant_of_a_conversation(part: int) -> None:
    cuts = 0
    for instant in range(part, AT_MOST, 4):
        story = Story(instant)
        story.tell()
        if not story.cut:
            break
        cuts += 1
        story.finish()
        release_was_sent = len(story.sent) > 3
        if Action.RELEASE in story.words:
            assert not locked_down(story.scene)
        elif Action.LOCK_DOWN in story.words and not release_was_sent:
            assert locked_down(story.scene)
        if not locked_down(story.scene):
            event = story.scene.event()
            assert story.gate.do(event) == done(event)
    assert cuts > 10, "the story must have instants to cut"


@UNTIMED
@given(
    lists=st.lists(st.binary(min_size=1, max_size=3000), min_size=1, max_size=6),
    downs=st.lists(st.booleans(), min_size=6, max_size=6),
    cut_at=st.integers(0, 120),
)
def test_flash_holds_the_newer_or_the_older_record_whole_wherever_a_write_is_cut(
    lists: list[bytes], downs: list[bool], cut_at: int
) -> None:
    left = cut_at

    def step() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Died

    flash = Flash(step)
    kept = KeptInFlash(flash)
    before: tuple[bytes | None, bool] = (None, False)
    after = before
    try:
        for document, down in zip(lists, downs, strict=False):
            before, after = after, (document, after[1])
            kept.keep_key_list(document)
            before, after = after, (document, down)
            kept.keep_locked_down(locked_down=down)
            before = after
    except Died:
        pass
    again = KeptInFlash(flash)
    assert (again.key_list, again.locked_down) in (before, after)
    flash.before_each_step = lambda: None
    again.keep_key_list(b"after the cut")
    assert KeptInFlash(flash).key_list == b"after the cut"


def test_a_year_of_traffic_writes_nothing_to_flash() -> None:
    scene = Scene(PortalKind.TURNSTILE).start()
    server, gate = scene.sender(SERVER), scene.sender(GATE)
    erased = scene.kept.flash.erasures
    for _ in range(365):
        event = scene.event()
        assert gate.do(event) == done(event)
        scene.barrier.push()
        gate.send(b"rubbish")
        server.do(scene.event())
        scene.give_key_list(key_list(1))  # what the server pushes again changes nothing
        scene.broker.lose()
        scene.barrier.leave()
        scene.broker.restore()
        scene.cut_power()
        scene.restore_power()
        scene.advance(60)
    assert scene.kept.flash.erasures == erased == 1
