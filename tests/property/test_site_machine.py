"""Whatever happens at a site, and in whatever order: each gate decides by what it can know, and all meet in the end."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from access_protocol.decision import DenyReason
from access_protocol.ids import AccessPointId, DeviceId, Direction
from server.kernel.ids import VisitorId
from tests.fakes.memory_site import WAY_IN, WAY_OUT, MemorySite
from tests.fakes.site import GATE, OTHER_GATE
from tests.services.template import SqliteTemplate

GATES = st.sampled_from([GATE, OTHER_GATE])
VISITORS = st.sampled_from([0, 1, 2])


@dataclass(frozen=True)
class Passage:
    """Somebody went in or out."""

    visitor: VisitorId
    direction: Direction
    at: datetime


@dataclass(frozen=True)
class View:
    """What somebody knows: the server, or a gate as of the moment at which it was cut off."""

    key: int = 1
    revoked: frozenset[VisitorId] = frozenset()
    locked_down: bool = False
    amnesty: datetime | None = None
    passages: frozenset[Passage] = field(default_factory=frozenset[Passage])

    def decides(self, visitor: VisitorId, direction: Direction, key: int) -> DenyReason | None:
        """What a gate that knows this must say to a fresh pass that was signed by this key."""
        if key > self.key:
            return DenyReason.UNKNOWN_KEY
        if visitor in self.revoked:
            return DenyReason.REVOKED
        if direction is Direction.IN and self.inside(visitor):
            return DenyReason.ANTI_PASSBACK
        if direction is Direction.IN and self.locked_down:
            return DenyReason.LOCKDOWN
        return None

    def inside(self, visitor: VisitorId) -> bool:
        own = [passage for passage in self.passages if passage.visitor == visitor]
        last = max(own, key=lambda passage: passage.at, default=None)
        if last is None or last.direction is Direction.OUT:
            return False
        return self.amnesty is None or last.at > self.amnesty


class Site(RuleBasedStateMachine):
    """Two gates, three visitors, a guard, and lines that break; one second passes with each step."""

    @initialize()
    def open_the_site(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="site-"))
        url = _template().copy(self.folder / "genkan.sqlite3")
        self.site = MemorySite(url, self.folder)
        self.server = View()
        self.apart: dict[DeviceId, View] = {}
        self.amnesties: list[datetime] = []
        self.lockdown = ""
        self.decided = 0

    @rule(gate=GATES, who=VISITORS)
    def enter(self, gate: DeviceId, who: int) -> None:
        self._present(gate, who, WAY_IN[gate], Direction.IN)

    @rule(gate=GATES, who=VISITORS)
    def exit(self, gate: DeviceId, who: int) -> None:
        self._present(gate, who, WAY_OUT[gate], Direction.OUT)

    @rule(who=VISITORS)
    def revoke(self, who: int) -> None:
        visitor = self.site.visitors[who]
        self.site.revoke(visitor)
        self.server = replace(self.server, revoked=self.server.revoked | {visitor})
        self.site.settle()

    @precondition(lambda self: not self.server.locked_down)
    @rule()
    def lock_down(self) -> None:
        self.lockdown = self.site.lock_down()
        self.server = replace(self.server, locked_down=True)
        self.site.settle()

    @precondition(lambda self: self.server.locked_down)
    @rule()
    def release(self) -> None:
        self.site.release(self.lockdown)
        self.server = replace(self.server, locked_down=False)
        self.site.settle()

    @rule()
    def forgive(self) -> None:
        self.site.forgive()
        self.amnesties.append(self.site.clock.now())
        self.server = replace(self.server, amnesty=self.site.clock.now())
        self.site.settle()

    @rule()
    def rotate_the_key(self) -> None:
        self.site.rotate_key()
        self.server = replace(self.server, key=self.server.key + 1)
        self.site.settle()

    @precondition(lambda self: len(self.apart) < len(WAY_IN))
    @rule(gate=GATES)
    def part(self, gate: DeviceId) -> None:
        if gate not in self.apart:
            self.site.gates[gate].part()
            self.apart[gate] = self.server
            self.site.settle()

    @precondition(lambda self: self.apart)
    @rule(gate=GATES)
    def join(self, gate: DeviceId) -> None:
        if gate in self.apart:
            self._join(gate)

    @rule(gate=GATES)
    def sync(self, gate: DeviceId) -> None:
        """A question at any time changes nothing that a connected gate knows."""
        self.site.gates[gate].ask()
        self.site.settle()

    @invariant()
    def nobody_sends_what_cannot_be_read(self) -> None:
        if hasattr(self, "site"):
            assert self.site.worker.malformed == []
            assert all(gate.transport.failures == 0 for gate in self.site.gates.values())

    def teardown(self) -> None:
        if not hasattr(self, "site"):
            return
        try:
            for gate in list(self.apart):
                self._join(gate)
            self._all_met()
        finally:
            self.site.close()
            shutil.rmtree(self.folder)

    def _present(
        self, gate: DeviceId, who: int, point: AccessPointId, direction: Direction
    ) -> None:
        visitor = self.site.visitors[who]
        view = self.apart.get(gate, self.server)
        expected = view.decides(visitor, direction, self.server.key)
        text = self.site.pass_of(visitor)
        assert self.site.gates[gate].present(text, point) == expected
        self.decided += 1
        if expected is None:
            passage = Passage(visitor, direction, self.site.clock.now())
            known = replace(view, passages=view.passages | {passage})
            if gate in self.apart:
                self.apart[gate] = known
            else:
                self.server = known
        self.site.settle()

    def _join(self, gate: DeviceId) -> None:
        view = self.apart.pop(gate)
        self.server = replace(self.server, passages=self.server.passages | view.passages)
        self.site.gates[gate].join()
        self.site.gates[gate].ask()
        self.site.settle()

    def _all_met(self) -> None:
        """Every journal is stored once and whole, and every double entry was found, and nothing else."""
        for device, gate in self.site.gates.items():
            assert gate.journal.waiting == 0
            stored = self.site.stored(device)
            assert len(stored) == gate.journal.position.sequence
            assert not stored or stored[-1] == gate.journal.position.hash.hex()
        assert self.site.decisions() == self.decided
        assert self.site.alarms() == 0
        assert self.site.conflicts() == self._entered_twice()

    def _entered_twice(self) -> set[tuple[bytes, datetime, datetime]]:
        found: set[tuple[bytes, datetime, datetime]] = set()
        for visitor in self.site.visitors:
            own = sorted(
                (passage for passage in self.server.passages if passage.visitor == visitor),
                key=lambda passage: passage.at,
            )
            for first, second in pairwise(own):
                twice = first.direction is second.direction is Direction.IN
                if twice and not any(first.at <= at <= second.at for at in self.amnesties):
                    found.add((self.site.ids[visitor], first.at, second.at))
        return found


@cache
def _template() -> SqliteTemplate:
    return SqliteTemplate(Path(tempfile.mkdtemp(prefix="site-template-")))


TestSite = Site.TestCase
# A busy machine makes no test fail.
TestSite.settings = settings(
    deadline=None,
    max_examples=15,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.fixture
def site(tmp_path: Path, sqlite_template: SqliteTemplate) -> Iterator[MemorySite]:
    made = MemorySite(sqlite_template.copy(tmp_path / "genkan.sqlite3"), tmp_path)
    yield made
    made.close()


def test_a_lockdown_stops_who_comes_and_nobody_who_leaves(site: MemorySite) -> None:
    visitor, gate = site.visitors[0], site.gates[GATE]
    assert gate.present(site.pass_of(visitor), WAY_IN[GATE]) is None
    site.settle()
    site.lock_down()
    site.settle()
    other = site.pass_of(site.visitors[1])
    assert gate.present(other, WAY_IN[GATE]) is DenyReason.LOCKDOWN
    site.settle()
    assert gate.present(site.pass_of(visitor), WAY_OUT[GATE]) is None


def test_who_enters_at_two_gates_that_are_apart_is_found_when_they_meet(site: MemorySite) -> None:
    visitor, apart = site.visitors[0], site.gates[OTHER_GATE]
    apart.part()
    first_at = site.clock.now()
    assert site.gates[GATE].present(site.pass_of(visitor), WAY_IN[GATE]) is None
    site.settle()
    second_at = site.clock.now()
    assert apart.present(site.pass_of(visitor), WAY_IN[OTHER_GATE]) is None
    site.settle()
    assert site.conflicts() == set()
    apart.join()
    apart.ask()
    site.settle()
    assert site.conflicts() == {(site.ids[visitor], first_at, second_at)}
    assert apart.present(site.pass_of(visitor), WAY_IN[OTHER_GATE]) is DenyReason.ANTI_PASSBACK
