"""What a visitor's phone gets: a credential bound to its key, or a fresh one each half minute; on both databases."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import select

from access_protocol import credential as protocol
from access_protocol.credential import CredentialClass
from access_protocol.keys import HolderKey
from server.credentials import actions, models, rules
from server.credentials.actions import HolderKeyInput, holder_key
from server.credentials.models import Issue, Standing
from server.kernel.audit import AuditLine
from server.kernel.clock import FixedClock
from server.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from server.kernel.ids import PersonId, VisitorId
from server.kernel.principal import Principal, Right
from server.kernel.work import Office
from tests.fakes.site import HOST, NOW, SYSTEM, TYO, VISITOR, enrolled_site

PHONE, OTHER_PHONE = (
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP256R1()),
)
HOSTING = Principal.for_person(HOST, {Right.VISITS_INVITE})
GUARD = Principal.for_person(PersonId("e" * 32), {Right.CREDENTIALS_MANAGE, Right.VISITS_READ})
THE_VISITOR = Principal.for_visitor(VISITOR)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW + timedelta(minutes=40))


@pytest.fixture
def office(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Office]:
    made = enrolled_site(database_url, tmp_path, clock)
    with made.begin(SYSTEM) as work:
        actions.issue(work, VISITOR)
    yield made
    made.close()


def key_of(phone: ec.EllipticCurvePrivateKey) -> HolderKey:
    return HolderKey.of(phone.public_key())


def bind(
    office: Office, phone: ec.EllipticCurvePrivateKey = PHONE, who: Principal = THE_VISITOR
) -> Issue:
    with office.begin(who) as work:
        return actions.bind(work, VISITOR, key_of(phone))


def claims_of(office: Office, text: str, clock: FixedClock) -> protocol.Credential:
    with office.reading(SYSTEM) as work:
        ring = models.key_ring(work.session, TYO, clock.now())
    return protocol.verify_issuer(
        protocol.read(text), lambda hint: ring.with_hint(hint, clock.now())
    )


def counting(office: Office) -> set[CredentialClass]:
    with office.reading(SYSTEM) as work:
        found = [models.current_issue(work.session, VISITOR, each) for each in CredentialClass]
    return {each.credential_class for each in found if each is not None}


def test_a_phone_presents_the_credential_that_was_bound_to_its_key(
    office: Office, clock: FixedClock
) -> None:
    made = bind(office)
    full = protocol.read(protocol.to_text(protocol.present(made.message, PHONE, clock.now())))
    claims = claims_of(office, protocol.to_text(made.message), clock)
    assert protocol.verify_holder(full, claims) == clock.now().replace(microsecond=0)
    assert claims.credential_class is CredentialClass.BOUND
    assert len(protocol.present(made.message, PHONE, clock.now())) <= protocol.FULL_CEILING


def test_the_first_binding_leaves_the_static_one_and_a_later_one_ends_all_before(
    office: Office,
) -> None:
    first = bind(office)
    assert counting(office) == {CredentialClass.STATIC, CredentialClass.BOUND}
    second = bind(office, OTHER_PHONE)
    assert second.generation == first.generation + 1
    assert counting(office) == {CredentialClass.BOUND}
    with office.reading(SYSTEM) as work:
        held = models.of_visitor(work.session, VISITOR)
    assert held is not None
    assert held.lowest_valid == second.generation


def test_the_same_phone_again_gets_the_same_credential(office: Office) -> None:
    assert bind(office).message == bind(office).message


def test_issued_again_the_static_one_is_back_and_the_phone_out(office: Office) -> None:
    bound = bind(office)
    with office.begin(HOSTING) as work:
        again = actions.reissue(work, VISITOR)
    assert again.generation > bound.generation
    assert counting(office) == {CredentialClass.STATIC}


def test_when_the_visit_changes_the_phone_keeps_its_pass(office: Office) -> None:
    before = bind(office)
    with office.begin(SYSTEM) as work:
        actions.issue_anew(work, VISITOR)
    assert counting(office) == {CredentialClass.STATIC, CredentialClass.BOUND}
    with office.reading(SYSTEM) as work:
        after = models.current_issue(work.session, VISITOR, CredentialClass.BOUND)
    assert after is not None
    assert (after.holder, after.generation) == (before.holder, before.generation + 2)


def test_only_the_visitor_and_those_in_charge_bind(office: Office) -> None:
    for who in (HOSTING, GUARD, THE_VISITOR):
        bind(office, who=who)
    stranger = Principal.for_visitor(VisitorId("f" * 32))
    with pytest.raises(Forbidden):
        bind(office, who=stranger)


def test_nothing_is_bound_or_refreshed_where_the_pass_was_revoked(office: Office) -> None:
    with office.begin(HOSTING) as work:
        actions.revoke(work, VISITOR)
    with pytest.raises(Conflict):
        bind(office)
    with office.reading(THE_VISITOR) as work, pytest.raises(Conflict):
        actions.refresh(work, VISITOR)


def test_a_page_that_binds_in_a_loop_is_stopped(office: Office) -> None:
    with office.begin(SYSTEM) as work:
        for number in range(30):
            phone = ec.derive_private_key(number + 1, ec.SECP256R1())
            actions.bind(work, VISITOR, key_of(phone))
    with pytest.raises(Conflict, match="too often"):
        bind(office, OTHER_PHONE)


def test_a_refreshed_one_counts_for_a_minute_and_leaves_no_row(
    office: Office, clock: FixedClock
) -> None:
    def rows() -> int:
        with office.reading(SYSTEM) as work:
            issues = len(work.session.exec(select(Issue)).all())
            return issues + len(work.session.exec(select(AuditLine)).all())

    before = rows()
    texts: set[str] = set()
    for _ in range(3):
        with office.reading(THE_VISITOR) as work:
            made = actions.refresh(work, VISITOR)
        claims = claims_of(office, made.text, clock)
        assert claims.credential_class is CredentialClass.REFRESHED
        assert claims.not_before <= clock.now() < claims.expires
        assert claims.expires - claims.not_before == timedelta(seconds=60)
        texts.add(made.text)
        clock.advance(timedelta(seconds=30))
    assert len(texts) == 3
    assert rows() == before


def test_a_refreshed_one_never_outlasts_the_visit(office: Office, clock: FixedClock) -> None:
    begins, ends = rules.window(NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    clock.set(ends - timedelta(seconds=20))
    with office.reading(THE_VISITOR) as work:
        assert actions.refresh(work, VISITOR).expires == ends
    for outside in (begins - timedelta(minutes=1), ends):
        clock.set(outside)
        with office.reading(THE_VISITOR) as work, pytest.raises(Conflict):
            actions.refresh(work, VISITOR)


def test_what_security_blocked_no_host_gives_back(office: Office) -> None:
    with office.begin(GUARD) as work:
        actions.revoke(work, VISITOR)
    with pytest.raises(Forbidden), office.begin(HOSTING) as work:
        actions.reissue(work, VISITOR)
    with office.begin(GUARD) as work:
        actions.reissue(work, VISITOR)
    assert counting(office) == {CredentialClass.STATIC}


def test_security_blocks_also_what_a_host_had_taken_back(office: Office) -> None:
    with office.begin(HOSTING) as work:
        actions.revoke(work, VISITOR)
    with office.begin(GUARD) as work:
        actions.revoke(work, VISITOR)
    with pytest.raises(NotFound), office.begin(HOSTING) as work:
        actions.revoke(work, VISITOR)
    with office.reading(SYSTEM) as work:
        held = models.of_visitor(work.session, VISITOR)
    assert held is not None
    assert held.standing is Standing.BLOCKED


def test_approving_a_visit_again_is_no_pardon_for_who_was_revoked_before(office: Office) -> None:
    with office.begin(SYSTEM) as work:
        actions.withdraw(work, VISITOR)
        assert actions.expect(work, VISITOR) is not None, "withdrawn with the visit, back with it"
    with office.begin(HOSTING) as work:
        actions.revoke(work, VISITOR)
    with office.begin(SYSTEM) as work:
        actions.withdraw(work, VISITOR)
        assert actions.expect(work, VISITOR) is None
    assert counting(office) == set()


def coordinate(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def jwk_of(phone: ec.EllipticCurvePrivateKey) -> dict[str, object]:
    numbers = phone.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": coordinate(numbers.x),
        "y": coordinate(numbers.y),
        "ext": True,
        "key_ops": ["verify"],
    }


def point_of(phone: ec.EllipticCurvePrivateKey, form: PublicFormat) -> str:
    point = phone.public_key().public_bytes(Encoding.X962, form)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def test_a_key_reads_the_same_as_jwk_and_as_either_point() -> None:
    forms = [
        HolderKeyInput.model_validate({"jwk": jwk_of(PHONE)}),
        HolderKeyInput(point=point_of(PHONE, PublicFormat.CompressedPoint)),
        HolderKeyInput(point=point_of(PHONE, PublicFormat.UncompressedPoint)),
    ]
    assert {holder_key(each) for each in forms} == {key_of(PHONE)}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "jwk"),
        ({"jwk": jwk_of(PHONE), "point": "AgAA"}, "jwk"),
        ({"jwk": {**jwk_of(PHONE), "y": coordinate(1)}}, "jwk"),
        ({"jwk": {**jwk_of(PHONE), "x": coordinate((1 << 256) - 1)}}, "jwk"),
        ({"point": ""}, "point"),
        ({"point": "AA"}, "point"),
        ({"point": "A" * 44}, "point"),
        ({"point": base64.urlsafe_b64encode(b"\x02" + b"\xff" * 32).decode()}, "point"),
        ({"point": base64.urlsafe_b64encode(b"\x06" + bytes(64)).rstrip(b"=").decode()}, "point"),
        ({"point": "é"}, "point"),
    ],
)
def test_what_is_no_point_on_the_curve_is_refused_by_name(
    given: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        holder_key(HolderKeyInput.model_validate(given))
    assert [each.field for each in refused.value.errors] == [field]
