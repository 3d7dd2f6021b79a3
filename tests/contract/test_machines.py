"""A drink ordered by the server: one voucher, one command, and the machine's own word, on both databases."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from access_protocol import credential, knowledge
from access_protocol.commands import Action
from access_protocol.credential import CredentialClass
from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.events import ControllerEventKind, Outcome, SlotCondition
from access_protocol.ids import AccessPointId, PortalId
from access_protocol.topics import SERVER
from server.access import actions
from server.access import models as access_models
from server.access.knowledge import policy_of
from server.access.models import AccessEvent, CommandState, EntryKind
from server.credentials import actions as credentials
from server.credentials import models as credential_models
from server.credentials.models import CredentialKind
from server.devices import models as devices
from server.devices.key_lists import key_list
from server.kernel.clock import FixedClock
from server.kernel.errors import Conflict, Invalid, NotFound
from server.places import actions as places
from server.places.actions import AccessPointInput, PortalInput, ZoneInput
from server.places.models import AccessPoint
from server.places.rules import PortalKind
from tests.fakes.machine_scene import DRINKS, READER, THE_VISITOR, VENDING, Scene
from tests.fakes.site import DOOR, MAIN_IN, NOW, SAKURA_DOOR, SYSTEM, TYO, VISITOR, office_with_site


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def scene(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Scene]:
    office = office_with_site(database_url, tmp_path, clock)
    with closing(office):
        yield Scene(office)


def test_a_drink_is_ordered_decided_journaled_and_told_as_dispensed(scene: Scene) -> None:
    voucher = scene.voucher(slot=4)
    asked = scene.order(voucher)

    (command,) = scene.machine.obeyed
    assert (command.action, command.slot, command.pulse) == (Action.DISPENSE, 4, timedelta())
    assert (asked.state, asked.action, asked.slot) == (CommandState.DONE, Action.DISPENSE, 4)
    scene.says(ControllerEventKind.DISPENSING, asked)
    scene.says(ControllerEventKind.DISPENSED, asked)

    assert scene.outcomes(voucher) == [Outcome.DISPENSED]
    with scene.office.reading(SYSTEM) as work:
        decided = select(AccessEvent).where(AccessEvent.kind == EntryKind.DECISION)
        (row,) = work.session.exec(decided).all()
        assert (row.gate, row.portal, row.granted) == (SERVER, DRINKS, True)
        assert row.credential_class is CredentialClass.VOUCHER
        assert access_models.inside(work.session, TYO) == []
        assert access_models.passages_of(work.session, [voucher.credential]) == []


def test_a_voucher_is_used_once_and_given_back_where_nothing_fell(scene: Scene) -> None:
    voucher = scene.voucher()
    for what in (ControllerEventKind.JAMMED, ControllerEventKind.TIMED_OUT):
        asked = scene.order(voucher)
        assert asked.state is CommandState.DONE
        assert scene.order(voucher).denied is DenyReason.VOUCHER_SPENT
        scene.says(what, asked)

    asked = scene.order(voucher)
    scene.says(ControllerEventKind.DISPENSED, asked)
    assert scene.order(voucher).denied is DenyReason.VOUCHER_SPENT
    assert scene.outcomes(voucher) == [
        Outcome.NOT_DISPENSED,
        Outcome.NOT_DISPENSED,
        Outcome.DISPENSED,
    ]


def test_a_machine_that_refuses_gives_the_voucher_back(scene: Scene) -> None:
    voucher = scene.voucher()
    scene.machine.refuses = CommandRefusal.SLOT_EMPTY

    asked = scene.order(voucher)

    assert (asked.state, asked.refusal) == (CommandState.REFUSED, CommandRefusal.SLOT_EMPTY)
    assert scene.outcomes(voucher) == [Outcome.REFUSED]
    scene.machine.refuses = None
    assert scene.order(voucher).state is CommandState.DONE


def test_a_machine_that_lost_power_leaves_the_voucher_spent(scene: Scene) -> None:
    voucher = scene.voucher()
    scene.says(ControllerEventKind.DISPENSING, scene.order(voucher))
    scene.says(ControllerEventKind.STARTED, None)
    scene.says(ControllerEventKind.INTERRUPTED, None)

    assert scene.outcomes(voucher) == []
    assert scene.order(voucher).denied is DenyReason.VOUCHER_SPENT


def test_nobody_goes_anywhere_by_a_drink_whatever_the_machine_says(scene: Scene) -> None:
    voucher = scene.voucher()
    asked = scene.order(voucher)
    scene.says(ControllerEventKind.PASSED, asked)
    scene.says(ControllerEventKind.OPENED, asked)

    with scene.office.reading(SYSTEM) as work:
        assert access_models.inside(work.session, TYO) == []
        assert access_models.passages_of(work.session, [voucher.credential]) == []
    assert scene.order(voucher).denied is DenyReason.VOUCHER_SPENT


def test_a_voucher_that_was_taken_back_or_ran_out_orders_nothing(
    scene: Scene, clock: FixedClock
) -> None:
    revoked, late = scene.voucher(), scene.voucher(life=timedelta(minutes=1))
    with scene.office.begin(SYSTEM) as work:
        assert credentials.revoke_voucher(work, revoked.credential)
        assert not credentials.revoke_voucher(work, revoked.credential)
    clock.advance(timedelta(minutes=1))

    assert scene.order(revoked).denied is DenyReason.REVOKED
    assert scene.order(late).denied is DenyReason.EXPIRED
    assert scene.machine.obeyed == []


def test_a_voucher_says_its_machine_and_slot_and_belongs_to_nobody(scene: Scene) -> None:
    voucher, other = scene.voucher(slot=9), scene.voucher()

    with scene.office.reading(SYSTEM) as work:
        ring = credential_models.key_ring(work.session, TYO, work.now)
        claims = credential.verify_issuer(
            credential.read(voucher.text), lambda hint: ring.with_hint(hint, work.now)
        )
        holders = credential_models.holders_of(work.session, [claims.id])
    assert (claims.machine, claims.slot, claims.zones) == (DRINKS, 9, ())
    assert claims.expires - NOW == timedelta(minutes=5)
    assert voucher.credential != other.credential
    assert holders[claims.id].kind is CredentialKind.VOUCHER
    assert holders[claims.id].visitor is None


def test_vouchers_are_for_machines_slots_and_minutes_that_can_be(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        with pytest.raises(NotFound):
            credentials.issue_voucher(work, TYO, SAKURA_DOOR, 1)
        with pytest.raises(NotFound):
            credentials.issue_voucher(work, TYO, PortalId("nowhere"), 1)
        for slot, life in ((0, 5), (256, 5), (1, 6), (1, 0)):
            with pytest.raises(Invalid):
                credentials.issue_voucher(work, TYO, DRINKS, slot, timedelta(minutes=life))


def test_a_pass_orders_nothing_and_a_door_gives_nothing_out(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        printed = credentials.issue(work, VISITOR).text
    with scene.office.begin(THE_VISITOR) as work:
        asked = actions.dispense_by_poster(work, TYO, READER, VISITOR, printed)
        assert asked.denied is DenyReason.CLASS_NOT_ALLOWED
    with scene.office.begin(THE_VISITOR) as work, pytest.raises(Conflict):
        actions.dispense_by_poster(work, TYO, MAIN_IN, VISITOR, scene.voucher().text)


def test_a_machine_is_commanded_to_dispense_and_a_door_to_unlock(scene: Scene) -> None:
    lockdowns = {Action.LOCK_DOWN, Action.RELEASE}
    with scene.office.begin(SYSTEM) as work:
        for controller, action in ((VENDING, Action.DISPENSE), (DOOR, Action.UNLOCK)):
            obeyed = knowledge.read_key_list(key_list(work, controller, TYO))
            told = {one.sender: one.actions for one in obeyed}
            assert told[SERVER] == {action, *lockdowns}


def test_the_slots_of_a_machine_are_known_while_it_is_online(scene: Scene) -> None:
    scene.stands(s2=SlotCondition.EMPTY, s10=SlotCondition.READY, s1=SlotCondition.OUT_OF_ORDER)

    with scene.office.reading(SYSTEM) as work:
        slots = devices.slot_conditions(work.session, VENDING)
        assert list(slots.items()) == [
            (1, SlotCondition.OUT_OF_ORDER),
            (2, SlotCondition.EMPTY),
            (10, SlotCondition.READY),
        ]
        assert devices.slot_conditions(work.session, DOOR) == {}
    with scene.office.begin(SYSTEM) as work:
        device = work.session.get_one(devices.Device, VENDING)
        device.online = False
    with scene.office.reading(SYSTEM) as work:
        assert devices.slot_conditions(work.session, VENDING) == {}


def test_a_machine_has_one_reader_that_takes_vouchers_and_nothing_else(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        point = work.session.get_one(AccessPoint, (TYO, READER))
        assert (point.classes, point.presence_ways) == (["voucher"], [["key"]])
        wanted = AccessPointInput(portal=DRINKS, zone=2, controller=VENDING)
        with pytest.raises(Invalid, match="one"):
            places.put_access_point(work, TYO, AccessPointId("second"), wanted)
        static = wanted.model_copy(update={"classes": [CredentialClass.STATIC]})
        with pytest.raises(Invalid, match="vouchers and nothing else"):
            places.put_access_point(work, TYO, READER, static)
        at_door = AccessPointInput(
            portal="main-gate", zone=2, classes=[CredentialClass.VOUCHER, CredentialClass.BOUND]
        )
        with pytest.raises(Invalid, match="for vending machines"):
            places.put_access_point(work, TYO, MAIN_IN, at_door)
        with pytest.raises(Invalid, match="between machine and door"):
            places.put_portal(work, TYO, DRINKS, PortalInput(name="No", kind=PortalKind.DOOR))


def test_a_machine_is_no_way_into_its_zone(scene: Scene) -> None:
    """Hard anti-passback asks for a reader at each way out; a machine leads nowhere."""
    with scene.office.begin(SYSTEM) as work:
        for point in work.session.exec(select(AccessPoint).where(AccessPoint.id == MAIN_IN)):
            work.session.delete(point)
        work.session.flush()
        hard = ZoneInput(name="Office", anti_passback=knowledge.AntiPassback.HARD)
        places.put_zone(work, TYO, knowledge.ZoneNumber(2), hard)


def test_a_gate_is_told_that_its_machine_takes_vouchers(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        points = [work.session.get_one(AccessPoint, (TYO, READER))]
        policy = knowledge.read_policy(knowledge.write_policy(policy_of(work, TYO, points)))
    assert policy.access_points[READER].gives_out
    assert policy.access_points[READER].portal == DRINKS
