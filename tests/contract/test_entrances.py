"""A visitor who scanned the poster at a door: decided, journaled, opened and counted; on both databases."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import select

from access_protocol import credential, entrance_code, presence, topics
from access_protocol import knowledge as sections
from access_protocol.credential import CredentialClass
from access_protocol.decision import CommandRefusal, DenyReason
from access_protocol.documents import DocumentKind, open_document
from access_protocol.events import ControllerEvent, ControllerEventKind, Outcome
from access_protocol.ids import CredentialId, EventId
from access_protocol.keys import HolderKey, KeyRing, RingKey
from access_protocol.knowledge import AntiPassback
from access_protocol.presence import Presence
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from server.access import actions, models
from server.access.models import AccessEvent, CommandState, DoorCommand, EntryKind
from server.credentials import actions as credentials
from server.devices.actions import public_keys
from server.devices.models import IssuedDocument, KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.errors import Forbidden, NotFound, TooMany
from server.kernel.ids import VisitorId
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal, Right
from server.kernel.work import Office
from server.places import actions as places
from server.places import models as place_models
from tests.fakes.site import DOOR, GATE, HOST, NOW, SAKURA_IN, SYSTEM, TYO, VISITOR, enrolled_site
from tests.fakes.worker import FakeController, FakeWorker

PHONE = ec.generate_private_key(ec.SECP256R1())
THE_VISITOR = Principal.for_visitor(VISITOR)
GUARD = Principal.for_person(HOST, {Right.ACCESS_READ, Right.DOORS_LOCKDOWN, Right.KEYS_MANAGE})
CODE = frozenset({Presence.CODE})
NOTHING = frozenset[Presence]()
BOOT = "00000000-0000-4000-8000-000000000001"


class Scene:
    """A visitor's phone before the poster at a door, on the day; `door` is its controller."""

    def __init__(self, office: Office, clock: FixedClock) -> None:
        self.office, self.clock, self.broker = office, clock, MemoryBroker()
        with office.begin(SYSTEM) as work:
            (key,) = public_keys(work, TYO, KeyPurpose.COMMAND)
            self.static = credentials.issue(work, VISITOR).text
            holder = HolderKey.of(PHONE.public_key())
            self.bound = credentials.bind(work, VISITOR, holder).message
        self.worker = FakeWorker(office, self.broker)
        self.door = FakeController(self.broker, DOOR, key)
        self.door.is_here()
        self.worker.send()
        self.told = 0

    def presented(self) -> str:
        return credential.to_text(credential.present(self.bound, PHONE, self.clock.now()))

    def refreshed(self) -> str:
        with self.office.reading(THE_VISITOR) as work:
            return credentials.refresh(work, VISITOR).text

    def scan(
        self,
        text: str | None = None,
        shown: frozenset[Presence] = CODE,
        who: Principal = THE_VISITOR,
    ) -> DoorCommand:
        texts = [self.presented() if text is None else text]
        with self.office.begin(who) as work:
            return actions.open_by_poster(work, TYO, SAKURA_IN, VISITOR, texts, shown)

    def command(self, asked: DoorCommand) -> DoorCommand:
        with self.office.reading(THE_VISITOR) as work:
            return actions.find_opening(work, asked.event)

    def door_says(self, what: ControllerEventKind, asked: DoorCommand) -> None:
        self.told += 1
        report = ControllerEvent(
            boot=BOOT, sequence=self.told, uptime_ms=self.told, what=what, event=asked.event
        )
        self.door.say(Subject.EVENT, report)

    def outcomes(self, asked: DoorCommand) -> list[Outcome]:
        with self.office.reading(SYSTEM) as work:
            found = models.outcomes_of(work.session, [asked.event])
        return found.get((SERVER, asked.event), [])

    def inside(self) -> list[tuple[CredentialId, int | None]]:
        with self.office.reading(SYSTEM) as work:
            return [(each.credential, each.zone) for each in models.inside(work.session, TYO)]

    def decisions(self) -> list[AccessEvent]:
        with self.office.reading(SYSTEM) as work:
            wanted = select(AccessEvent).where(AccessEvent.kind == EntryKind.DECISION)
            return sorted(work.session.exec(wanted).all(), key=lambda row: row.sequence)

    def held(self) -> CredentialId:
        with self.office.reading(SYSTEM) as work:
            found = actions.credentials.of_visitor(work.session, VISITOR)
            assert found is not None
            return found.id

    def change_point(self, **others: object) -> None:
        with self.office.begin(SYSTEM) as work:
            point = work.session.get_one(place_models.AccessPoint, (TYO, SAKURA_IN))
            for name, value in others.items():
                setattr(point, name, value)
            work.session.add(point)

    def walk_in(self, asked: DoorCommand) -> None:
        self.worker.send()
        self.door_says(ControllerEventKind.UNLOCKED, asked)
        self.door_says(ControllerEventKind.OPENED, asked)


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW + timedelta(minutes=65))
    office = enrolled_site(database_url, tmp_path, clock)
    yield Scene(office, clock)
    office.close()


def test_key_and_code_open_the_door_and_the_visitor_is_inside_by_its_controllers_word(
    scene: Scene,
) -> None:
    asked = scene.scan()
    assert asked.state is CommandState.WAITING

    scene.worker.send()
    (obeyed,) = scene.door.obeyed
    assert (obeyed.controller, obeyed.event) == (DOOR, asked.event)
    assert scene.command(asked).state is CommandState.DONE
    assert scene.inside() == []
    assert scene.outcomes(asked) == []

    scene.door_says(ControllerEventKind.UNLOCKED, asked)
    scene.door_says(ControllerEventKind.OPENED, asked)

    assert scene.outcomes(asked) == [Outcome.OPENED]
    assert scene.inside() == [(scene.held(), 3)]
    with scene.office.reading(THE_VISITOR) as work:
        said = actions.reported_of_opening(work, asked)
    assert said == {ControllerEventKind.UNLOCKED, ControllerEventKind.OPENED}
    (row,) = scene.decisions()
    assert (row.gate, row.granted, row.credential) == (SERVER, True, scene.held())
    assert row.credential_class is CredentialClass.BOUND
    assert row.presented_at == int(scene.clock.now().timestamp())


def test_the_passage_is_told_to_meetings_with_who_it_was(scene: Scene) -> None:
    told: list[actions.ReportedOutcome] = []
    scene.office.reactions.on(actions.OutcomesReported, lambda _work, it: told.extend(it.outcomes))
    scene.walk_in(scene.scan())

    assert [(one.outcome, one.credential) for one in told] == [(Outcome.OPENED, scene.held())]


def test_a_photographed_poster_opens_nothing_and_the_refusal_is_in_the_ledger(
    scene: Scene,
) -> None:
    asked = scene.scan(shown=frozenset({Presence.POSITION}))
    scene.worker.send()

    assert (asked.state, asked.denied) == (CommandState.DENIED, DenyReason.PRESENCE_MISSING)
    assert scene.door.asked == []
    (row,) = scene.decisions()
    assert (row.reason, row.granted) == (DenyReason.PRESENCE_MISSING, False)


def test_the_key_is_shown_by_the_phone_and_never_by_saying_so(scene: Scene) -> None:
    said = frozenset({Presence.KEY, Presence.CODE})

    assert scene.scan(scene.refreshed(), said).denied is DenyReason.PRESENCE_MISSING
    assert scene.scan(scene.presented(), said).denied is None


def test_a_phone_without_a_key_is_let_in_where_somebody_approved(scene: Scene) -> None:
    asked = scene.scan(scene.refreshed(), frozenset({Presence.APPROVAL}))

    assert asked.denied is None
    assert asked.credential_class is CredentialClass.REFRESHED


def test_two_taps_are_one_decision_and_one_command(scene: Scene) -> None:
    presented = scene.presented()
    first, second = scene.scan(presented), scene.scan(presented)
    scene.worker.send()

    assert first.event == second.event
    assert len(scene.door.obeyed) == len(scene.decisions()) == 1


def test_the_same_presentation_sent_again_later_is_refused(scene: Scene) -> None:
    presented = scene.presented()
    scene.scan(presented)
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan(presented).denied is DenyReason.ALREADY_USED

    scene.clock.advance(timedelta(seconds=20))

    assert scene.scan(presented).denied is DenyReason.PRESENTATION_OUT_OF_TIME


def test_whoever_shows_more_with_a_fresh_presentation_is_decided_on_anew(scene: Scene) -> None:
    assert scene.scan(shown=NOTHING).denied is DenyReason.PRESENCE_MISSING
    scene.clock.advance(timedelta(seconds=3))

    assert scene.scan().denied is None


def test_two_phones_at_once_do_not_win_one_single_entry_twice(scene: Scene) -> None:
    scene.change_point(presence_ways=[["code"]], classes=["static"])
    found, barrier = list[DoorCommand](), threading.Barrier(4)

    def tap() -> None:
        barrier.wait(timeout=10)
        found.append(scene.scan(scene.static))

    threads = [threading.Thread(target=tap) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=30)

    assert len(found) == 4
    assert len({each.event for each in found}) == 1
    assert [row.granted for row in scene.decisions()] == [True]


def test_a_single_entry_is_spent_by_the_passage_and_freed_where_nobody_passed(
    scene: Scene,
) -> None:
    scene.change_point(presence_ways=[["code"]])
    first = scene.scan(scene.static)
    scene.worker.send()
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan(scene.static).denied is DenyReason.ENTRY_SPENT

    scene.door_says(ControllerEventKind.NOT_PASSED, first)
    scene.clock.advance(timedelta(seconds=11))
    again = scene.scan(scene.static)
    assert again.denied is None

    scene.walk_in(again)
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan(scene.static).denied is DenyReason.ENTRY_SPENT


def test_a_refusing_controller_and_a_silent_one_are_journaled_as_at_a_gate(scene: Scene) -> None:
    scene.door.refuses = CommandRefusal.LOCKED_DOWN
    refused = scene.scan()
    scene.worker.send()
    assert scene.outcomes(refused) == [Outcome.REFUSED]

    scene.door.refuses, scene.door.acknowledges = None, False
    scene.clock.advance(timedelta(seconds=11))
    silent = scene.scan()
    scene.worker.send()
    scene.clock.advance(timedelta(seconds=11))
    scene.worker.tick()

    assert scene.command(silent).state is CommandState.NO_ANSWER
    assert scene.outcomes(silent) == []

    never_sent = scene.scan()
    scene.clock.advance(timedelta(seconds=11))
    scene.worker.tick()

    assert scene.command(never_sent).state is CommandState.EXPIRED
    assert scene.outcomes(never_sent) == [Outcome.NO_ANSWER]


def test_a_mailed_pass_is_refused_once_the_phone_was_used_at_a_poster(scene: Scene) -> None:
    scene.change_point(presence_ways=[["code"]])
    scene.scan()

    assert scene.scan(scene.static).denied is DenyReason.USE_PHONE


def test_the_window_the_zone_a_revocation_and_a_lockdown_count_as_everywhere(scene: Scene) -> None:
    with scene.office.begin(GUARD) as work:
        locked = actions.lock_down(work, TYO, actions.NewLockdown(reason="Drill", zone=3))
    assert scene.scan().denied is DenyReason.LOCKDOWN
    with scene.office.begin(GUARD) as work:
        actions.release(work, locked.id, actions.Reason(reason="Over"))

    scene.change_point(zone=4)
    scene.clock.advance(timedelta(seconds=1))
    assert scene.scan().denied is DenyReason.WRONG_ZONE
    scene.change_point(zone=3)

    with scene.office.begin(SYSTEM) as work:
        credentials.withdraw(work, VISITOR)
    assert scene.scan().denied is DenyReason.REVOKED

    scene.clock.advance(timedelta(hours=8))
    assert scene.scan().denied is DenyReason.EXPIRED


def test_hard_anti_passback_counts_what_happened_at_posters(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        zone = places.ZoneInput(
            name="Rooms", anti_passback=AntiPassback.HARD, forgiven_after_min=20
        )
        places.put_zone(work, TYO, place_models.ZoneNumber(3), zone)
    scene.walk_in(scene.scan())
    scene.clock.advance(timedelta(seconds=11))

    assert scene.scan().denied is DenyReason.ANTI_PASSBACK

    scene.clock.advance(timedelta(minutes=20))

    assert scene.scan().denied is None


def test_another_visitors_page_neither_asks_nor_sees(scene: Scene) -> None:
    asked = scene.scan()
    other = Principal.for_visitor(VisitorId("9" * 32))

    with pytest.raises(Forbidden):
        scene.scan(who=other)
    with pytest.raises(Forbidden), scene.office.reading(other) as work:
        actions.find_opening(work, asked.event)
    with pytest.raises(NotFound), scene.office.reading(THE_VISITOR) as work:
        actions.find_opening(work, EventId("00000000-0000-4000-8000-000000000009"))


def test_the_code_on_the_screen_is_accepted_for_two_steps_and_guesses_are_slowed_down(
    scene: Scene,
) -> None:
    with scene.office.begin(SYSTEM) as work:
        actions.post_entrance(work, TYO, SAKURA_IN, "/e/K7M2QX")
        shown = actions.entrance_code_now(work, TYO, SAKURA_IN)
    assert shown is not None

    def right(digits: str) -> bool:
        with scene.office.begin(THE_VISITOR) as work:
            return actions.check_code(work, TYO, SAKURA_IN, digits, VISITOR)

    assert right(shown.digits)
    assert right(f"{shown.digits[:4]} {shown.digits[4:]}")
    scene.clock.advance(timedelta(seconds=31))
    assert [right(shown.digits) for _ in range(5)] == [False] * 5
    with pytest.raises(TooMany):
        right(shown.digits)


def test_a_new_key_ends_the_codes_of_the_old_one(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        actions.post_entrance(work, TYO, SAKURA_IN, "/e/K7M2QX")
        before = actions.entrance_code_now(work, TYO, SAKURA_IN)
    with scene.office.begin(GUARD) as work:
        actions.rotate_entrance_key(work, TYO, SAKURA_IN)
    assert before is not None

    with scene.office.begin(THE_VISITOR) as work:
        assert not actions.check_code(work, TYO, SAKURA_IN, before.digits, VISITOR)
    with pytest.raises(Forbidden), scene.office.begin(THE_VISITOR) as work:
        actions.rotate_entrance_key(work, TYO, SAKURA_IN)


def test_a_gate_is_told_what_its_screen_shows_and_no_row_keeps_the_key(scene: Scene) -> None:
    told: list[bytes] = []
    listener = MemoryTransport(scene.broker)
    topic = topics.build(TYO, Kind.SERVER, SERVER, Subject.KNOWLEDGE, GATE)
    listener.subscribe(topic, lambda message: told.append(message.payload))
    listener.start()
    with scene.office.begin(SYSTEM) as work:
        actions.post_entrance(work, TYO, SAKURA_IN, "/e/K7M2QX")
    scene.worker.send()

    with scene.office.reading(SYSTEM) as work:
        authority = KeyRing(
            RingKey(public, NOW - timedelta(days=1), NOW + timedelta(days=1))
            for public in public_keys(work, TYO, KeyPurpose.AUTHORITY)
        )
        code = actions.entrance_code_now(work, TYO, SAKURA_IN)
        sent = work.session.exec(select(OutboxRow)).all()
        numbered = work.session.get_one(IssuedDocument, (GATE, DocumentKind.ENTRANCE))
    documents = [open_document(one, authority, site=TYO, device=GATE, at=None) for one in told]
    (document,) = [each for each in documents if each.kind is DocumentKind.ENTRANCE]
    (screen,) = sections.read_entrance(document.body)
    assert (screen.access_point, document.version) == (SAKURA_IN, numbered.version)
    assert screen.address == "http://localhost:8080/e/K7M2QX"
    assert entrance_code.code_at(screen.key, scene.clock.now()) == code
    for kept in (numbered.body, *(row.body or b"" for row in sent)):
        assert screen.key not in kept


def test_where_no_poster_hangs_no_code_is_shown_or_taken(scene: Scene) -> None:
    with scene.office.begin(THE_VISITOR) as work:
        assert actions.entrance_code_now(work, TYO, SAKURA_IN) is None
        assert not actions.check_code(work, TYO, SAKURA_IN, "00000000", VISITOR)


@pytest.mark.parametrize("ways", [[], [[]], [["position"]], [["key"], ["position"]], [["x"]]])
def test_unsafe_ways_are_refused_as_input(ways: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="presence_ways"):
        places.AccessPointInput.model_validate(
            {"portal": "sakura-door", "zone": 3, "presence_ways": ways}
        )


def test_ways_are_stored_in_one_order_and_the_default_asks_for_more_than_a_poster(
    scene: Scene,
) -> None:
    wanted = places.AccessPointInput.model_validate(
        {"portal": "sakura-door", "zone": 3, "presence_ways": [["code", "key"], ["approval"]]}
    )
    assert presence.written(presence.ways(wanted.presence_ways)) == [["approval"], ["key", "code"]]
    with scene.office.begin(SYSTEM) as work:
        places.put_access_point(work, TYO, SAKURA_IN, wanted)
    with scene.office.reading(SYSTEM) as work:
        point = work.session.get_one(place_models.AccessPoint, (TYO, SAKURA_IN))
    assert point.presence_ways == [["approval"], ["key", "code"]]
    assert point.ways == presence.DEFAULT
