"""What staff carry: bound to one phone, for twelve hours, in the gates' feeds, and gone when it should be."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import select

from access_protocol import credential as protocol
from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.documents import DocumentKind
from access_protocol.events import Outcome
from access_protocol.ids import CredentialId
from access_protocol.keys import HolderKey
from access_protocol.presence import Presence
from server.access import actions as access
from server.access.feeds import FeedChange
from server.access.models import CommandState, DoorCommand
from server.credentials import actions as credentials
from server.credentials import models
from server.credentials.models import CredentialKind, Holder, Issue
from server.credentials.staff import STAFF_PASS_LIFE
from server.kernel.clock import FixedClock
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.principal import Principal, Right
from server.places import models as places
from tests.fakes.entrance_scene import Scene
from tests.fakes.site import HOST, NOW, SAKURA_IN, SYSTEM, TYO, enrolled_site

PHONE, ANOTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
ME = Principal.for_person(HOST, {Right.VISITS_INVITE})
SECURITY = Principal.for_person(HOST, {Right.CREDENTIALS_MANAGE, Right.PEOPLE_READ})


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    clock = FixedClock(NOW + timedelta(minutes=65))
    office = enrolled_site(database_url, tmp_path, clock)
    scene = Scene(office, clock)
    with office.begin(SYSTEM) as work:
        credentials.allow(work, HOST, TYO, [3])
    yield scene
    office.close()


def bind(scene: Scene, phone: ec.EllipticCurvePrivateKey = PHONE) -> Issue:
    with scene.office.begin(ME) as work:
        return credentials.bind_staff(work, TYO, HolderKey.of(phone.public_key()))


def fed(scene: Scene, kind: DocumentKind, held: Issue) -> list[bytes]:
    """What the gates' feed says of the pass."""
    with scene.office.reading(SYSTEM) as work:
        rows = work.session.exec(select(FeedChange).where(FeedChange.kind == kind)).all()
        return [row.body for row in rows if bytes(row.key) == bytes(held.credential)]


def scan(scene: Scene, issue: Issue, phone: ec.EllipticCurvePrivateKey = PHONE) -> DoorCommand:
    text = protocol.to_text(protocol.present(issue.message, phone, scene.clock.now()))
    with scene.office.begin(ME) as work:
        code = frozenset({Presence.CODE})
        return access.open_by_poster_for_staff(work, TYO, SAKURA_IN, [text], code)


def test_the_gates_hold_it_and_it_counts_for_twelve_hours(scene: Scene) -> None:
    issue = bind(scene)
    assert issue.credential_class is CredentialClass.BOUND
    assert issue.expires == scene.clock.now().replace(microsecond=0) + STAFF_PASS_LIFE
    assert fed(scene, DocumentKind.CREDENTIALS, issue) == [issue.message]
    with scene.office.reading(SYSTEM) as work:
        (holder,) = models.holders_of(work.session, [issue.credential]).values()
    assert holder == Holder(CredentialKind.STAFF, person=HOST)


def test_the_same_phone_renews_it_in_the_second_half_and_both_count(scene: Scene) -> None:
    first = bind(scene)
    assert bind(scene).generation == first.generation
    scene.clock.advance(STAFF_PASS_LIFE / 2)
    second = bind(scene)
    assert (second.generation, second.credential) == (first.generation + 1, first.credential)
    assert fed(scene, DocumentKind.REVOCATIONS, first) == []
    assert fed(scene, DocumentKind.CREDENTIALS, first) == [second.message]


def test_another_phone_takes_over_and_the_first_one_opens_nothing(scene: Scene) -> None:
    first, second = bind(scene), bind(scene, ANOTHER)
    assert fed(scene, DocumentKind.REVOCATIONS, first)
    assert scan(scene, first).denied is DenyReason.REVOKED
    assert scan(scene, second, ANOTHER).denied is None


def test_the_posted_qr_opens_for_staff_and_they_are_inside_by_the_doors_word(scene: Scene) -> None:
    issue = bind(scene)
    asked = scan(scene, issue)
    assert (asked.state, asked.person, asked.visitor) == (CommandState.WAITING, HOST, None)
    scene.walk_in(asked)
    assert scene.outcomes(asked) == [Outcome.OPENED]
    assert scene.inside() == [(CredentialId(bytes(issue.credential)), 3)]
    with scene.office.reading(ME) as work:
        assert access.find_opening(work, asked.event).event == asked.event


def test_a_zone_that_is_taken_away_is_gone_from_the_phone_at_once(scene: Scene) -> None:
    first = bind(scene)
    with scene.office.begin(SYSTEM) as work:
        credentials.allow(work, HOST, TYO, [2])
        now = credentials.standing(work, HOST, TYO).issue
    assert now is not None
    assert (now.zones, now.expires) == ([2], first.expires)
    assert scan(scene, first).denied is DenyReason.REVOKED


def test_without_a_row_of_their_own_the_site_says_what_it_opens(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        work.session.get_one(places.Site, TYO).staff_zones = [2, 3]
        found = credentials.allow(work, HOST, TYO, None)
    assert (found.zones, found.own_zones) == ((2, 3), False)
    assert bind(scene).zones == [2, 3]


def test_who_is_blocked_gets_no_pass_until_security_lifts_it(scene: Scene) -> None:
    issue = bind(scene)
    with scene.office.begin(SECURITY) as work:
        credentials.block(work, HOST, TYO)
    assert scan(scene, issue).denied is DenyReason.REVOKED
    with pytest.raises(Forbidden, match="blocked"):
        bind(scene)
    with scene.office.begin(SECURITY) as work:
        credentials.unblock(work, HOST, TYO)
    assert scan(scene, bind(scene)).denied is None


def test_only_the_right_people_change_it(scene: Scene) -> None:
    bind(scene)
    with pytest.raises(Forbidden), scene.office.begin(ME) as work:
        credentials.allow(work, HOST, TYO, [2])
    with pytest.raises(Forbidden), scene.office.begin(ME) as work:
        credentials.block(work, HOST, TYO)


@pytest.mark.parametrize("zones", [[99], [1, 2, 3, 4, 5]])
def test_zones_that_cannot_be_are_refused(scene: Scene, zones: list[int]) -> None:
    with pytest.raises(Invalid, match="zone"), scene.office.begin(SYSTEM) as work:
        credentials.allow(work, HOST, TYO, zones)


def test_who_has_no_zone_is_told_whom_to_ask(scene: Scene) -> None:
    with scene.office.begin(SYSTEM) as work:
        credentials.allow(work, HOST, TYO, [])
    with pytest.raises(Conflict, match="administrator"):
        bind(scene)
    with pytest.raises(NotFound), scene.office.begin(SECURITY) as work:
        credentials.block(work, HOST, TYO)


def test_after_255_issues_another_id_goes_on(scene: Scene) -> None:
    issue = bind(scene)
    with scene.office.begin(SYSTEM) as work:
        held = work.session.get_one(models.Credential, issue.credential)
        held.generation = protocol.HIGHEST_GENERATION
    scene.clock.advance(STAFF_PASS_LIFE)
    anew = bind(scene)
    assert bytes(anew.credential) != bytes(issue.credential)
    assert scan(scene, anew).denied is None
