"""The visitor's QR credential: issue, present, and verify, which returns claims or raises.

A credential is a CWT (RFC 8392) in a COSE_Sign1 by the site's issuer key, written as ``GK1:`` and
Base45 (RFC 9285) so that a QR code carries it in alphanumeric mode. docs/protocol.md shows every byte.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import NoReturn, cast

import base45
import cbor2
from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import signed
from access_protocol.cbor import UNREADABLE, bytes_at, int_at, load_map
from access_protocol.ids import (
    CREDENTIAL_ID_BYTES,
    CredentialId,
    KeyId,
    MalformedIdError,
    PortalId,
    SiteCode,
    ZoneNumber,
    portal_id,
    site_code,
    slot_number,
    zone_number,
)
from access_protocol.keys import HolderKey, SigningKey, es256_sign

PREFIX = "GK1:"
STATIC_CEILING = 127
"""Bytes of a static credential: 41 modules at level L."""
VOUCHER_CEILING = 157
"""Bytes of a voucher, with a machine's name of 32 characters: 49 modules at level L; 45 with a short name."""
SHORT_CEILING = 100
"""Bytes of a short presentation: 37 modules at level L."""
FULL_CEILING = 260
"""Bytes of a full presentation: 57 modules at level L; nothing longer is looked at."""
MOST_ZONES = 4
HIGHEST_GENERATION = 255
PRESENTATION_CONTEXT = b"genkan-pass-1"

_AUDIENCE, _EXPIRES, _NOT_BEFORE, _ID, _CONFIRMATION = 3, 4, 5, 7, 8  # RFC 8392 4, RFC 8747 3.1
_PRIVATE = -65537  # the first number of the range for private use (RFC 8392, 9.1)
_PAIR_WITH_TIME = b"\x82\x1a"  # an array of two whose first is an unsigned number of four bytes
_TIME_ALONE = b"\x81\x1a"  # an array of one such number
_TIME_BYTES = 4
_EARLIEST, _LATEST = 1 << 16, (1 << 32) - 1  # what deterministic CBOR writes in four bytes


class CredentialClass(StrEnum):
    """How a credential is carried, and so how far it is trusted (DESIGN section 3).

    A *voucher* opens nothing: it is good for one thing out of one slot of one vending machine.
    """

    STATIC = "static"
    BOUND = "bound"
    REFRESHED = "refreshed"
    VOUCHER = "voucher"


PASSES = (CredentialClass.STATIC, CredentialClass.BOUND, CredentialClass.REFRESHED)
"""The classes with which somebody goes through doors, in the order in which they are offered."""

_CLASS_NUMBERS = {
    CredentialClass.STATIC: 1,
    CredentialClass.BOUND: 2,
    CredentialClass.REFRESHED: 3,
    CredentialClass.VOUCHER: 4,
}
_CLASSES = {number: name for name, number in _CLASS_NUMBERS.items()}


class MalformedCredentialError(ValueError):
    """A text or claims that are no credential of this protocol."""


class HolderProofError(ValueError):
    """A presentation that the holder's key did not make, or no presentation where one is due."""


@dataclass(frozen=True, slots=True)
class Credential:
    """The claims of a credential. It names a visitor's visit by a random id and holds no personal data.

    `zones` are one to four; `holder` is set exactly for the bound class; times are aware and in whole
    seconds. A voucher has an id of its own, names a machine's portal and one of its slots instead of
    zones, and its generation is 0: it is issued once.
    """

    id: CredentialId
    site: SiteCode
    not_before: datetime
    expires: datetime
    credential_class: CredentialClass
    generation: int
    zones: tuple[ZoneNumber, ...]
    holder: HolderKey | None = None
    machine: PortalId | None = None
    slot: int | None = None

    def __post_init__(self) -> None:
        """Raise `MalformedCredentialError` for claims that cannot stand in a credential."""
        if len(self.id) != CREDENTIAL_ID_BYTES:
            _refuse("the id must have 16 bytes")
        if not 0 <= self.generation <= HIGHEST_GENERATION:
            _refuse("the generation must be 0 to 255")
        if self.credential_class is CredentialClass.VOUCHER:
            self._check_voucher()
        else:
            self._check_pass()
        if (self.holder is not None) != (self.credential_class is CredentialClass.BOUND):
            _refuse("exactly the bound class names a holder's key")
        if self.expires <= self.not_before:
            _refuse("it must expire after it begins")
        if self.expires.microsecond or self.not_before.microsecond:
            _refuse("times must be in whole seconds")
        try:
            site_code(self.site)
            for zone in self.zones:
                zone_number(zone)
            if self.machine is not None:
                portal_id(self.machine)
                slot_number(self.slot)
        except MalformedIdError as error:
            raise MalformedCredentialError(str(error)) from error

    def _check_pass(self) -> None:
        if not 1 <= len(self.zones) <= MOST_ZONES or len(set(self.zones)) != len(self.zones):
            _refuse("one to four different zones")
        if self.machine is not None or self.slot is not None:
            _refuse("only a voucher names a machine and a slot")

    def _check_voucher(self) -> None:
        if self.machine is None or self.slot is None:
            _refuse("a voucher names a machine and one of its slots")
        if self.zones or self.generation:
            _refuse("a voucher opens no zones and is issued once, as generation 0")


def _refuse(why: str) -> NoReturn:
    raise MalformedCredentialError(why)


def seconds(at: datetime) -> int:
    """Return `at` as the Unix time in whole seconds that stands in credentials."""
    value = int(at.timestamp())
    if at.tzinfo is None or not _EARLIEST <= value <= _LATEST:
        _refuse("times must carry a zone and lie between 1970-01-02 and 2106")
    return value


def issue(credential: Credential, key: SigningKey) -> bytes:
    """Return the credential's COSE_Sign1 by the issuer's `key`."""
    payload = cbor2.dumps(_claims(credential))
    message = signed.sign(payload, key)
    if credential.credential_class is CredentialClass.STATIC and len(message) > STATIC_CEILING:
        _refuse("a static credential must stay within its ceiling")
    return message


def _private(credential: Credential) -> list[int | str]:
    number = _CLASS_NUMBERS[credential.credential_class]
    if credential.slot is not None and credential.machine is not None:
        return [number, credential.slot, str(credential.machine)]
    return [number, credential.generation, *map(int, credential.zones)]


def _claims(credential: Credential) -> dict[int, object]:
    """Return the claims in the order of deterministic CBOR (RFC 8949, 4.2.1)."""
    claims: dict[int, object] = {
        _AUDIENCE: str(credential.site),
        _EXPIRES: seconds(credential.expires),
        _NOT_BEFORE: seconds(credential.not_before),
        _ID: bytes(credential.id),
    }
    if credential.holder is not None:
        key = {1: 2, -1: 1, -2: credential.holder.x, -3: credential.holder.y_is_odd}  # RFC 9053 7.1
        claims[_CONFIRMATION] = {1: key}
    claims[_PRIVATE] = _private(credential)
    return claims


def to_text(message: bytes) -> str:
    """Return the text that stands in the QR code."""
    return PREFIX + base45.b45encode(message).decode("ascii")


def present(credential: bytes, holder: ec.EllipticCurvePrivateKey, at: datetime) -> bytes:
    """Return the full presentation of a bound `credential` by its holder's key at the time `at`."""
    payload = _PAIR_WITH_TIME + _time_bytes(at) + cbor2.dumps(credential)
    return _presented(signed.HOLDER_HEADER, payload, credential, holder)


def present_short(
    credential: bytes, id_: CredentialId, holder: ec.EllipticCurvePrivateKey, at: datetime
) -> bytes:
    """Return the short presentation of a bound `credential`, for gates that hold it already.

    It carries the credential's id in the place of the credential.
    """
    payload = _TIME_ALONE + _time_bytes(at)
    return _presented(signed.HOLDER_ID_HEADER + id_, payload, credential, holder)


def _time_bytes(at: datetime) -> bytes:
    return seconds(at).to_bytes(_TIME_BYTES, "big")


def _presented(
    header: bytes, payload: bytes, credential: bytes, holder: ec.EllipticCurvePrivateKey
) -> bytes:
    to_sign = signed.to_be_signed(header, _holder_context(credential), payload)
    return signed.assemble(header, payload, es256_sign(holder, to_sign))


def _holder_context(credential: bytes) -> bytes:
    """Bind a presentation to one credential, byte for byte, and to nothing else."""
    return PRESENTATION_CONTEXT + sha256(credential).digest()


@dataclass(frozen=True, slots=True)
class Presentation:
    """A text cut at its known places: a credential, and around it perhaps its holder's proof.

    A short presentation names the credential by `held_id` and does not carry it: then `credential`
    is None until `with_held` puts in what the gate holds. Nothing in it is verified yet.
    """

    credential: bytes | None
    holder_envelope: signed.Envelope | None = None
    unverified_time: int | None = None
    held_id: CredentialId | None = None

    def with_held(self, credential: bytes) -> "Presentation":
        """Return a short presentation as one of this credential, which the decider holds."""
        return replace(self, credential=credential)


def read(text: str) -> Presentation:
    """Cut `text` at its known places; raise `MalformedCredentialError` where it has none."""
    if not text.startswith(PREFIX):
        _refuse("the text does not begin with GK1:")
    encoded = text[len(PREFIX) :]
    if len(encoded) > FULL_CEILING * 3 // 2:
        _refuse("the text is longer than any presentation")
    try:
        message = base45.b45decode(encoded)
        if to_text(message) != text:
            _refuse("the text is not the shortest form of its bytes")
        envelope = signed.split(
            message, signed.EDDSA_HEADER, signed.HOLDER_HEADER, signed.HOLDER_ID_HEADER
        )
        if envelope.protected == signed.HOLDER_HEADER:
            return _read_full(envelope)
        if envelope.protected.startswith(signed.HOLDER_ID_HEADER):
            return _read_short(envelope)
        return Presentation(message)
    except ValueError as error:
        raise MalformedCredentialError(str(error)) from error


def _read_full(envelope: signed.Envelope) -> Presentation:
    payload = envelope.unverified_payload
    inner_at = len(_PAIR_WITH_TIME) + _TIME_BYTES
    time = _read_time(payload, _PAIR_WITH_TIME)
    inner, end = signed.byte_string(payload, inner_at)
    if end != len(payload):
        _refuse("the credential must be the last thing in a full presentation")
    signed.split(inner, signed.EDDSA_HEADER)
    return Presentation(inner, envelope, time)


def _read_short(envelope: signed.Envelope) -> Presentation:
    payload = envelope.unverified_payload
    if len(payload) != len(_TIME_ALONE) + _TIME_BYTES:
        _refuse("a short presentation holds its time and nothing else")
    return Presentation(
        None, envelope, _read_time(payload, _TIME_ALONE), CredentialId(envelope.kid)
    )


def _read_time(payload: bytes, before: bytes) -> int:
    start = len(before)
    time = int.from_bytes(payload[start : start + _TIME_BYTES], "big")
    if payload[:start] != before or not _EARLIEST <= time <= _LATEST:
        _refuse("a presentation begins with its time")
    return time


def verify_issuer(
    presentation: Presentation, keys_for: Callable[[KeyId], Iterable[bytes]]
) -> Credential:
    """Return the claims that an issuer's key signed.

    Raises `signed.UnknownKeyError`, `signed.BadSignatureError`, or `MalformedCredentialError` where
    an issuer signed something that is no credential of this version.
    """
    if presentation.credential is None:
        _refuse("a short presentation does not carry its credential")
    claims = _parse(signed.verify(presentation.credential, keys_for))
    if presentation.held_id not in (None, claims.id):
        _refuse("another credential than the presentation names")
    return claims


def verify_holder(presentation: Presentation, credential: Credential) -> datetime:
    """Return the time at which the holder's key made this presentation, or raise `HolderProofError`.

    `credential` are the claims that `verify_issuer` returned for the same presentation.
    """
    envelope, time = presentation.holder_envelope, presentation.unverified_time
    presented, holder = presentation.credential, credential.holder
    if envelope is None or time is None or presented is None or holder is None:
        reason = "no holder's proof"
        raise HolderProofError(reason)
    to_verify = envelope.to_be_signed(_holder_context(presented))
    if not holder.verifies(envelope.signature, to_verify):
        reason = "not made by the holder's key"
        raise HolderProofError(reason)
    return datetime.fromtimestamp(time, UTC)


def _parse(payload: bytes) -> Credential:
    """Return the claims in a payload that an issuer signed."""
    try:
        claims = load_map(payload)
        class_number, *said = cast("list[int]", claims[_PRIVATE])
        credential_class = _CLASSES[class_number]
        generation, zones, slot, machine = _said(credential_class, said)
        credential = Credential(
            id=CredentialId(bytes_at(claims, _ID)),
            site=site_code(claims[_AUDIENCE]),
            not_before=datetime.fromtimestamp(int_at(claims, _NOT_BEFORE), UTC),
            expires=datetime.fromtimestamp(int_at(claims, _EXPIRES), UTC),
            credential_class=credential_class,
            generation=generation,
            zones=zones,
            holder=_holder(claims.get(_CONFIRMATION)),
            machine=machine,
            slot=slot,
        )
        rewritten = cbor2.dumps(_claims(credential))
    except UNREADABLE as error:
        raise MalformedCredentialError(str(error)) from error
    if rewritten != payload:  # so no second spelling and no unknown claim passes
        _refuse("not the deterministic form of known claims")
    return credential


def _said(
    credential_class: CredentialClass, said: list[int]
) -> tuple[int, tuple[ZoneNumber, ...], int | None, PortalId | None]:
    """Return generation, zones, slot and machine from what stands behind the class's number."""
    if credential_class is CredentialClass.VOUCHER:
        slot, machine = said
        return 0, (), slot, portal_id(machine)
    generation, *zones = said
    return generation, tuple(zone_number(zone) for zone in zones), None, None


def _holder(confirmation: object) -> HolderKey | None:
    if confirmation is None:
        return None
    key = cast("dict[int, dict[int, object]]", confirmation)[1]
    return HolderKey(bytes_at(key, -2), cast("bool", key[-3]))
