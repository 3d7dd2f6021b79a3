"""Credentials and issuer keys on SQLite and on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest
import zxingcpp
from sqlmodel import select

from access_protocol import credential as protocol
from access_protocol.credential import CredentialClass
from access_protocol.knowledge import ALL_GENERATIONS
from access_protocol.signed import UnknownKeyError
from demo.codes import QR_CODES
from server.credentials import actions, keys, models, rules
from server.credentials.actions import CredentialRevoked
from server.credentials.models import Credential, Issue
from server.kernel.clock import FixedClock
from server.kernel.errors import Conflict, Forbidden, NotFound
from server.kernel.events import Event
from server.kernel.ids import PersonId, TokenId
from server.kernel.principal import Principal, Right
from server.kernel.work import Office, Work
from server.visits.models import Visit
from tests.fakes.site import (
    CREDENTIAL,
    HOST,
    NOW,
    SYSTEM,
    TYO,
    VISIT,
    VISITOR,
    enrolled_site,
)

T = TypeVar("T")
U = TypeVar("U")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def office(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Office]:
    made = enrolled_site(database_url, tmp_path, clock)
    yield made
    made.close()


def issue(office: Office) -> Issue:
    with office.begin(SYSTEM) as work:
        return actions.issue(work, VISITOR)


def claims_of(office: Office, made: Issue, clock: FixedClock) -> protocol.Credential:
    with office.reading(SYSTEM) as work:
        ring = models.key_ring(work.session, TYO, clock.now())
    return protocol.verify_issuer(
        protocol.read(made.text), lambda hint: ring.with_hint(hint, clock.now())
    )


def revocations(office: Office) -> dict[bytes, int]:
    with office.reading(SYSTEM) as work:
        rows = work.session.exec(select(Credential).where(Credential.lowest_valid > 0)).all()
        return {bytes(row.id): row.lowest_valid for row in rows}


def test_a_credential_opens_the_visits_zones_around_its_time(
    office: Office, clock: FixedClock
) -> None:
    claims = claims_of(office, issue(office), clock)
    assert claims.id == CREDENTIAL
    assert claims.zones == (2, 3)
    assert claims.credential_class is CredentialClass.STATIC
    assert claims.not_before == NOW + timedelta(hours=1) - rules.LEAD
    assert claims.expires == NOW + timedelta(hours=2) + rules.GRACE
    assert revocations(office) == {}


def test_issued_again_the_earlier_one_no_longer_counts(office: Office) -> None:
    first, second = issue(office), issue(office)
    assert (first.generation, second.generation) == (1, 2)
    assert revocations(office) == {CREDENTIAL: 2}


def test_a_changed_visit_is_in_the_next_issue(office: Office, clock: FixedClock) -> None:
    issue(office)
    with office.begin(SYSTEM) as work:
        work.session.get_one(Visit, VISIT).ends_at = NOW + timedelta(hours=5)
    assert claims_of(office, issue(office), clock).expires == NOW + timedelta(hours=6)


def test_a_revoked_credential_is_shown_no_longer_and_revoked_once(office: Office) -> None:
    told: list[Event] = []
    office.reactions.on(CredentialRevoked, lambda _work, one: told.append(one))
    issue(office)
    with office.begin(SYSTEM) as work:
        assert actions.withdraw(work, VISITOR)
        assert not actions.withdraw(work, VISITOR)
    assert len(told) == 1
    assert revocations(office) == {CREDENTIAL: ALL_GENERATIONS}
    with pytest.raises(NotFound), office.reading(SYSTEM) as work:
        actions.show(work, VISITOR)


def test_after_a_revocation_a_new_issue_counts_and_the_old_one_does_not(office: Office) -> None:
    issue(office)
    with office.begin(SYSTEM) as work:
        actions.revoke(work, VISITOR)
        made = actions.reissue(work, VISITOR)
    assert revocations(office) == {CREDENTIAL: made.generation}


def test_only_those_in_charge_revoke(office: Office) -> None:
    issue(office)
    stranger = Principal.for_person(PersonId("f" * 32), {Right.VISITS_INVITE})
    with pytest.raises(Forbidden), office.begin(stranger) as work:
        actions.revoke(work, VISITOR)
    host = Principal.for_person(HOST, {Right.VISITS_INVITE})
    with office.begin(host) as work:
        actions.revoke(work, VISITOR)


def test_after_255_issues_the_visitor_is_to_be_invited_anew(office: Office) -> None:
    issue(office)
    with office.begin(SYSTEM) as work:
        held = models.of_visitor(work.session, VISITOR)
        assert held is not None
        held.generation = protocol.HIGHEST_GENERATION
    with pytest.raises(Conflict):
        issue(office)


def test_a_rotated_key_signs_and_the_old_one_counts_until_its_credentials_expire(
    office: Office, clock: FixedClock
) -> None:
    old = issue(office)
    with office.begin(SYSTEM) as work:
        fresh = actions.rotate_key(work, TYO)
    assert claims_of(office, old, clock).generation == 1
    new = issue(office)
    assert new.issuer == fresh.public
    assert old.issuer != fresh.public
    clock.set(old.expires + timedelta(minutes=1))
    with pytest.raises(UnknownKeyError):
        claims_of(office, old, clock)
    assert claims_of(office, new, clock).generation == 2
    with office.reading(SYSTEM) as work:
        assert [key.public for key in models.key_ring(work.session, TYO, clock.now())] == [
            fresh.public
        ]


def meanwhile(
    office: Office, first: Callable[[Work], T], second: Callable[[Work], U]
) -> tuple[T, U]:
    """Do the first thing, and before it is committed begin the second, which may have to wait for it."""
    results: list[U] = []
    done = threading.Event()

    def do_second() -> None:
        with office.begin(SYSTEM) as work:
            results.append(second(work))
        done.set()

    thread = threading.Thread(target=do_second)
    with office.begin(SYSTEM) as work:
        keys.issuing_key(work, TYO)
    with office.begin(SYSTEM) as work:
        result = first(work)
        thread.start()
        done.wait(1)
    thread.join(120)
    return result, results[0]


def test_a_pass_that_is_signed_while_the_key_is_rotated_counts_until_it_expires(
    office: Office, clock: FixedClock
) -> None:
    made, fresh = meanwhile(
        office,
        lambda work: actions.issue(work, VISITOR),
        lambda work: actions.rotate_key(work, TYO),
    )
    assert made.issuer != fresh.public
    clock.set(made.expires - timedelta(seconds=1))
    assert claims_of(office, made, clock).generation == 1


def test_what_waits_for_a_rotation_is_signed_by_the_new_key(office: Office) -> None:
    fresh, made = meanwhile(
        office,
        lambda work: actions.rotate_key(work, TYO),
        lambda work: actions.issue(work, VISITOR),
    )
    assert made.issuer == fresh.public


def test_private_keys_are_sealed(office: Office) -> None:
    issue(office)
    with office.reading(SYSTEM) as work:
        (key,) = models.issuer_keys(work.session, TYO)
        seed = work.sealer.unseal(key.sealed_seed, f"issuer-key:{key.public.hex()}")
    assert seed not in key.sealed_seed


def test_the_picture_reads_back_as_the_credential(office: Office) -> None:
    made = issue(office)
    for for_print in (False, True):
        png = np.frombuffer(actions.qr_png(made.text, for_print=for_print), np.uint8)
        picture = cv2.imdecode(png, cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        found = zxingcpp.read_barcodes(picture, formats=QR_CODES)
        assert [each.text for each in found] == [made.text]
        assert picture[:32].min() == 255


def test_a_token_without_the_right_to_invite_does_not_show_its_owners_credentials(
    office: Office,
) -> None:
    issue(office)
    narrow = Principal.for_token(TokenId("0" * 32), HOST, {Right.PLACES_READ})
    with office.reading(narrow) as work, pytest.raises(Forbidden):
        actions.show(work, VISITOR)
