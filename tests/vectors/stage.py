"""What the vectors are about: one site at one noon, with fixed keys, ids and times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import credential, feeds, knowledge
from access_protocol.credential import PASSES, Credential, CredentialClass
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    Direction,
    EventId,
    Nonce,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.keys import HolderKey, KeyRing, RingKey, SigningKey

SITE = SiteCode("TYO")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ISSUER = SigningKey(sha256(b"vector: issuer").digest())
FORGER = SigningKey(sha256(b"vector: forger").digest())
AUTHORITY = SigningKey(sha256(b"vector: authority").digest())
GATE_KEY = SigningKey(sha256(b"vector: gate-1").digest())
HOLDER = ec.derive_private_key(
    int.from_bytes(sha256(b"vector: holder").digest(), "big"), ec.SECP256R1()
)
OTHER_HOLDER = ec.derive_private_key(
    int.from_bytes(sha256(b"vector: other holder").digest(), "big"), ec.SECP256R1()
)
VISITOR = CredentialId(sha256(b"vector: visitor").digest()[:16])
VOUCHER = CredentialId(sha256(b"vector: voucher").digest()[:16])
MACHINE = PortalId("drinks")
GATE, CONTROLLER = DeviceId("gate-1"), DeviceId("turnstile-1")
EVENT = EventId("8c5d3a52-6e0f-4d5b-9a3e-2f9b8a7c6d10")
NONCE = Nonce(sha256(b"vector: nonce").digest()[:16])
REVOCATION = feeds.Revocation(VISITOR, 1, NOON + 25 * HOUR)
LAST_PASSAGE = feeds.LastPassage(VISITOR, ZoneNumber(2), Direction.IN, NOON - HOUR, EVENT)
TIME_ANSWER = knowledge.TimeAnswer(NONCE, {"keys": 7, "policy": 7, "revocations": 7})
RING = KeyRing([RingKey(ISSUER.public, NOON - 24 * HOUR, NOON + 24 * HOUR)])
POINT = knowledge.AccessPoint(
    id=AccessPointId("main-gate-in"),
    portal=PortalId("main-gate"),
    controller=CONTROLLER,
    zone=ZoneNumber(2),
    direction=Direction.IN,
    classes=frozenset(PASSES),
    pulse=timedelta(seconds=5),
)
MACHINE_POINT = replace(
    POINT,
    id=AccessPointId("drinks-reader"),
    portal=MACHINE,
    controller=DeviceId("vending-1"),
    classes=frozenset({CredentialClass.VOUCHER}),
)
ENTRANCE_SCREEN = knowledge.EntranceScreen(
    POINT.id, sha256(b"vector: entrance").digest(), "https://genkan.example/e/K7M2QX"
)
POLICY = knowledge.Policy(access_points={POINT.id: POINT})
POLICY_SENT = replace(
    POLICY,
    locked_down=frozenset({ZoneNumber(4)}),
    zones={
        ZoneNumber(2): knowledge.ZonePolicy(
            knowledge.AntiPassback.HARD, forgiven_after=12 * HOUR, amnesty=NOON - HOUR
        )
    },
)


def claims(
    credential_class: CredentialClass = CredentialClass.STATIC,
    *,
    site: SiteCode = SITE,
    begins: datetime = NOON - HOUR,
    ends: datetime = NOON + HOUR,
    generation: int = 1,
    zones: tuple[int, ...] = (1, 2, 3),
) -> Credential:
    """The vectors' visitor, with what a vector changes."""
    bound = credential_class is CredentialClass.BOUND
    return Credential(
        id=VISITOR,
        site=site,
        not_before=begins,
        expires=ends,
        credential_class=credential_class,
        generation=generation,
        zones=tuple(map(ZoneNumber, zones)),
        holder=HolderKey.of(HOLDER.public_key()) if bound else None,
    )


def voucher(
    machine: PortalId = MACHINE,
    slot: int = 3,
    *,
    begins: datetime = NOON - timedelta(minutes=1),
    ends: datetime = NOON + timedelta(minutes=4),
) -> Credential:
    """Return the vectors' voucher, with what a vector changes."""
    return Credential(
        id=VOUCHER,
        site=SITE,
        not_before=begins,
        expires=ends,
        credential_class=CredentialClass.VOUCHER,
        generation=0,
        zones=(),
        machine=machine,
        slot=slot,
    )


def credentials() -> dict[str, bytes]:
    """Every class of credential and every presentation, by its name."""
    bound = credential.issue(claims(CredentialClass.BOUND), ISSUER)
    refreshed = claims(
        CredentialClass.REFRESHED,
        begins=NOON - timedelta(seconds=20),
        ends=NOON + timedelta(seconds=40),
    )
    return {
        "static": credential.issue(claims(), ISSUER),
        "static at its ceiling": credential.issue(
            claims(generation=255, zones=(1, 2, 3, 23)), ISSUER
        ),
        "bound": bound,
        "bound, full presentation": credential.present(bound, HOLDER, NOON),
        "bound, short presentation": credential.present_short(bound, VISITOR, HOLDER, NOON),
        "refreshed": credential.issue(refreshed, ISSUER),
        "voucher": credential.issue(voucher(), ISSUER),
        "voucher at its ceiling": credential.issue(voucher(PortalId("m" * 32), 255), ISSUER),
    }
