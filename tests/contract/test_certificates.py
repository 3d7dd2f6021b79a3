"""Devices' certificates as the server keeps them: issued, renewed and revoked, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlmodel import delete, select

from access_protocol import renewal
from access_protocol.certificates import TlsIdentity, new_key, read_certificate
from access_protocol.codec import decode
from access_protocol.ids import DeviceId
from access_protocol.keys import SigningKey
from access_protocol.renewal import CertificateIssued
from access_protocol.topics import SERVER, Kind, Subject, Topic
from server.devices import actions, certification, messages
from server.devices.authority import DEVICE_LIFE
from server.devices.models import AuthorityRow, Device, DeviceCertificate
from server.kernel.clock import FixedClock
from server.kernel.desk import Incoming
from server.kernel.errors import Conflict, Invalid
from server.kernel.outbox import OutboxRow
from server.kernel.principal import Principal
from server.kernel.work import Office
from tests.fakes.site import (
    GATE,
    GATE_KEY,
    NOW,
    OTHER_GATE,
    SYSTEM,
    TYO,
    enrol,
    enrol_again,
    office_with_site,
)

DUE = DEVICE_LIFE * 2 / 3


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def office(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Office]:
    made = office_with_site(database_url, tmp_path, clock)
    yield made
    made.close()


def renewed(
    office: Office,
    present: TlsIdentity,
    next_key: bytes,
    key: SigningKey = GATE_KEY,
    device: DeviceId = GATE,
) -> CertificateIssued | None:
    with office.begin(Principal.for_device(device, TYO)) as work:
        asking = work.session.get_one(Device, device)
        return actions.renew_certificate(work, asking, renewal.ask(present, next_key, key))


def listed(office: Office) -> set[int]:
    """The serial numbers on the list of revoked certificates."""
    with office.reading(SYSTEM) as work:
        text = certification.revocation_list(work.session, certification.authority(work))
    return {each.serial_number for each in x509.load_pem_x509_crl(text)}


def serial(identity: TlsIdentity) -> int:
    return read_certificate(identity.certificate).serial_number


def test_an_installation_has_one_authority_whose_key_is_sealed(office: Office) -> None:
    with office.begin(SYSTEM) as work:
        made = certification.authority(work)
    with office.begin(SYSTEM) as work:
        assert certification.authority(work) == made
        (row,) = work.session.exec(select(AuthorityRow)).all()
        assert made.key not in row.sealed_key


def test_a_certificate_is_renewed_when_two_thirds_of_its_life_are_over(
    office: Office, clock: FixedClock
) -> None:
    present, next_key = enrol(office, GATE, Kind.GATE).tls, new_key()
    clock.advance(DUE - timedelta(seconds=1))
    assert renewed(office, present, next_key) is None
    clock.advance(timedelta(seconds=1))
    issued = renewed(office, present, next_key)
    assert issued is not None
    fresh = renewal.take(issued, present, next_key)
    assert fresh.name == present.name == "gate-1.1"
    # Both count until they end: the device may still be about to move over.
    assert listed(office) == set()
    assert renewed(office, fresh, new_key()) is None


def test_an_answer_that_was_lost_is_given_once_more(office: Office, clock: FixedClock) -> None:
    present, next_key = enrol(office, GATE, Kind.GATE).tls, new_key()
    clock.advance(DUE)
    assert renewed(office, present, next_key) == renewed(office, present, next_key)
    # A device that lost its new key too asks with another one.
    assert renewed(office, present, new_key()) is not None


def test_a_device_gets_no_heap_of_certificates(office: Office, clock: FixedClock) -> None:
    present = enrol(office, GATE, Kind.GATE).tls
    clock.advance(DUE)
    for _ in range(certification.MOST_A_DAY):
        assert renewed(office, present, new_key())
    with pytest.raises(Conflict):
        renewed(office, present, new_key())
    clock.advance(timedelta(days=1))
    assert renewed(office, present, new_key())


def test_a_renewal_that_the_device_did_not_sign_is_refused(
    office: Office, clock: FixedClock
) -> None:
    present = enrol(office, GATE, Kind.GATE).tls
    clock.advance(DUE)
    with pytest.raises(Invalid):
        renewed(office, present, new_key(), key=SigningKey(b"x" * 32))


def test_a_certificate_of_an_earlier_enrolment_or_of_another_device_is_not_renewed(
    office: Office, clock: FixedClock
) -> None:
    first = enrol(office, GATE, Kind.GATE).tls
    other = enrol(office, OTHER_GATE, Kind.GATE).tls
    again = enrol_again(office, GATE).tls
    clock.advance(DUE)
    assert renewed(office, first, new_key()) is None
    assert renewed(office, other, new_key()) is None
    assert renewed(office, again, new_key())


def test_a_certificate_that_an_older_copy_of_the_database_does_not_know_is_renewed_at_once(
    office: Office,
) -> None:
    present, next_key = enrol(office, GATE, Kind.GATE).tls, new_key()
    with office.begin(SYSTEM) as work:
        work.session.exec(delete(DeviceCertificate))
    issued = renewed(office, present, next_key)
    assert issued is not None


def test_enrolling_again_revokes_every_certificate_from_before(
    office: Office, clock: FixedClock
) -> None:
    first, next_key = enrol(office, GATE, Kind.GATE).tls, new_key()
    other = enrol(office, OTHER_GATE, Kind.GATE).tls
    clock.advance(DUE)
    issued = renewed(office, first, next_key)
    assert issued is not None
    second = renewal.take(issued, first, next_key)
    third = enrol_again(office, GATE).tls
    assert listed(office) == {serial(first), serial(second)}
    assert (third.name, other.name) == ("gate-1.2", "gate-2.1")
    with office.begin(SYSTEM) as work:
        actions.revoke(work, GATE)
    assert listed(office) == {serial(first), serial(second), serial(third)}


def test_a_list_of_revoked_certificates_is_later_with_each_one(office: Office) -> None:
    times: list[datetime] = []
    for _ in range(3):
        enrol(office, GATE, Kind.GATE)
        with office.begin(SYSTEM) as work:
            actions.revoke(work, GATE)
            text = certification.revocation_list(work.session, certification.authority(work))
        times.append(x509.load_pem_x509_crl(text).last_update_utc)
    assert times == sorted(set(times))
    assert times[-1] < NOW


def test_a_renewal_over_mqtt_is_answered_to_the_device_that_asked(
    office: Office, clock: FixedClock
) -> None:
    present, next_key = enrol(office, GATE, Kind.GATE).tls, new_key()
    clock.advance(DUE)
    topic = Topic(TYO, Kind.GATE, GATE, Subject.RENEWAL, SERVER)
    asked = renewal.ask(present, next_key, GATE_KEY)
    with office.begin(Principal.for_device(GATE, TYO)) as work:
        messages.renewal(work, Incoming(topic, asked, retained=False))
    with office.reading(SYSTEM) as work:
        to_gate = f"genkan/TYO/server/server/certificate/{GATE}"
        (row,) = work.session.exec(select(OutboxRow).where(OutboxRow.destination == to_gate)).all()
        (stored, first) = sorted(
            work.session.exec(select(DeviceCertificate)).all(), key=lambda one: one.issued_at
        )[::-1]
    issued = decode(CertificateIssued, row.body or b"")
    assert issued.certificate == stored.certificate != first.certificate
    assert renewal.take(issued, present, next_key)


def test_a_device_that_keeps_its_key_gets_a_certificate_that_lasts_longer(
    office: Office, clock: FixedClock
) -> None:
    present = enrol(office, GATE, Kind.GATE).tls
    clock.advance(DUE)
    issued = renewed(office, present, present.key)
    assert issued is not None
    fresh = renewal.take(issued, present, present.key)
    assert fresh.not_after == clock.now() + DEVICE_LIFE
    # Its answer may be lost too, and is then given once more.
    assert renewed(office, present, present.key) == issued
