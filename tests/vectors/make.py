"""Makes protocol.json: fixed keys, ids and times in, every byte out; run it only to add vectors.

`python -m tests.vectors.make` must give the committed file again, byte for byte; a test checks that.
"""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from access_protocol import commands, credential, documents, events, knowledge
from access_protocol.credential import Credential, CredentialClass
from access_protocol.ids import (
    AccessPointId,
    CredentialId,
    DeviceId,
    EventId,
    Nonce,
    PortalId,
    SiteCode,
    ZoneNumber,
)
from access_protocol.keys import HolderKey, KeyRing, RingKey, SigningKey

FILE = Path(__file__).with_name("protocol.json")
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
GATE, CONTROLLER = DeviceId("gate-1"), DeviceId("turnstile-1")
EVENT = EventId("8c5d3a52-6e0f-4d5b-9a3e-2f9b8a7c6d10")
NONCE = Nonce(sha256(b"vector: nonce").digest()[:16])
RING = KeyRing([RingKey(ISSUER.public, NOON - 24 * HOUR, NOON + 24 * HOUR)])
POINT = knowledge.AccessPoint(
    id=AccessPointId("main-gate-in"),
    portal=PortalId("main-gate"),
    controller=CONTROLLER,
    zone=ZoneNumber(2),
    direction=knowledge.Direction.IN,
    classes=frozenset({CredentialClass.STATIC, CredentialClass.BOUND}),
    pulse=timedelta(seconds=5),
)
POLICY = knowledge.Policy(access_points={POINT.id: POINT})


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


def _credentials() -> dict[str, bytes]:
    bound = credential.issue(claims(CredentialClass.BOUND), ISSUER)
    return {
        "static": credential.issue(claims(), ISSUER),
        "static at its ceiling": credential.issue(
            claims(generation=255, zones=(1, 2, 3, 23)), ISSUER
        ),
        "bound": bound,
        "bound, full presentation": credential.present(bound, HOLDER, NOON),
    }


def _decisions() -> list[dict[str, object]]:
    made = _credentials()
    text = {name: credential.to_text(message) for name, message in made.items()}
    bound = made["bound"]
    late = NOON - timedelta(seconds=31)
    flipped = bytearray(made["static"])
    flipped[-1] ^= 1
    rows: list[tuple[str, list[str], str | None]] = [
        ("a static credential", [text["static"]], None),
        ("a full presentation", [text["bound, full presentation"]], None),
        ("a poster beside a credential", [text["static"], "https://genkan.example/e/1"], None),
        ("nothing of ours", ["https://genkan.example/e/1"], "no_code"),
        ("two credentials", [text["static"], text["bound, full presentation"]], "several_codes"),
        ("a cut text", [text["static"][:-3]], "malformed"),
        ("only the prefix", ["GK1:"], "malformed"),
        ("a forger's key", [_issued(FORGER)], "unknown_key"),
        ("the last bit flipped", [credential.to_text(bytes(flipped))], "bad_signature"),
        ("another site", [_issued(ISSUER, site=SiteCode("OSA"))], "wrong_site"),
        ("too early", [_issued(ISSUER, begins=NOON + timedelta(seconds=1))], "not_yet_valid"),
        ("at the end of its time", [_issued(ISSUER, ends=NOON)], "expired"),
        ("an older generation", [_issued(ISSUER, generation=0)], "revoked"),
        ("zones that do not hold this one", [_issued(ISSUER, zones=(1, 3))], "wrong_zone"),
        ("bound without presentation", [text["bound"]], "holder_proof_missing"),
        (
            "another phone's presentation",
            [credential.to_text(credential.present(bound, OTHER_HOLDER, NOON))],
            "holder_proof_wrong",
        ),
        (
            "a presentation of 31 seconds ago",
            [credential.to_text(credential.present(bound, HOLDER, late))],
            "presentation_out_of_time",
        ),
    ]
    return [{"name": name, "texts": texts, "reason": reason} for name, texts, reason in rows]


def _issued(
    key: SigningKey,
    *,
    site: SiteCode = SITE,
    begins: datetime = NOON - HOUR,
    ends: datetime = NOON + HOUR,
    generation: int = 1,
    zones: tuple[int, ...] = (1, 2, 3),
) -> str:
    changed = claims(site=site, begins=begins, ends=ends, generation=generation, zones=zones)
    return credential.to_text(credential.issue(changed, key))


def _documents() -> dict[str, bytes]:
    gate_key = knowledge.Obeyed(GATE, GATE_KEY.public, frozenset({commands.Action.UNLOCK}))
    bodies = {
        documents.DocumentKind.KEYS: (GATE, knowledge.write_keys(RING)),
        documents.DocumentKind.POLICY: (GATE, knowledge.write_policy(POLICY)),
        documents.DocumentKind.REVOCATIONS: (GATE, knowledge.write_revocations({VISITOR: 1})),
        documents.DocumentKind.TIME: (GATE, b""),
        documents.DocumentKind.KEY_LIST: (CONTROLLER, knowledge.write_key_list((gate_key,))),
    }
    return {
        kind: documents.seal(documents.Document(kind, SITE, device, 7, NOON, body), AUTHORITY)
        for kind, (device, body) in bodies.items()
    }


def _journal() -> list[dict[str, object]]:
    entries: list[events.EntryBody] = [
        events.DecisionEntry(
            at=NOON,
            event=EVENT,
            access_point=POINT.id,
            reason=None,
            credential=VISITOR.hex(),
            credential_class=CredentialClass.STATIC,
            generation=1,
        ),
        events.OutcomeEntry(
            at=NOON, event=EVENT, access_point=POINT.id, outcome=events.Outcome.PASSED
        ),
    ]
    previous = events.FIRST_HASH
    rows: list[dict[str, object]] = []
    for sequence, entry in enumerate(entries, start=1):
        text = events.body_text(entry)
        previous = events.chained(previous, text)
        rows.append({"sequence": sequence, "body": text, "hash": previous.hex()})
    return rows


def vectors() -> dict[str, object]:
    """Every vector, ready to be written as JSON; bytes in hex, times in RFC 3339."""
    command = commands.Command(
        CONTROLLER, NONCE, commands.Action.UNLOCK, timedelta(seconds=5), EVENT
    )
    return {
        "about": "Test vectors of the access protocol; docs/protocol.md explains them.",
        "now": NOON.isoformat().replace("+00:00", "Z"),
        "site": SITE,
        "keys": {
            "issuer_seed": ISSUER.seed.hex(),
            "issuer_public": ISSUER.public.hex(),
            "authority_public": AUTHORITY.public.hex(),
            "gate_public": GATE_KEY.public.hex(),
            "holder_private": HOLDER.private_numbers().private_value.to_bytes(32, "big").hex(),
            "holder_x": HolderKey.of(HOLDER.public_key()).x.hex(),
        },
        "credentials": [
            {"name": name, "message": message.hex(), "text": credential.to_text(message)}
            for name, message in _credentials().items()
        ],
        "decisions": {
            "zone": POINT.zone,
            "lowest_generation": {VISITOR.hex(): 1},
            "cases": _decisions(),
        },
        "command": {
            "message": commands.seal(command, GATE_KEY).hex(),
            "controller": CONTROLLER,
            "nonce": NONCE.hex(),
            "event": EVENT,
            "pulse_ms": 5000,
        },
        "documents": [
            {"kind": kind, "message": message.hex()} for kind, message in _documents().items()
        ],
        "journal": _journal(),
    }


def written() -> str:
    """The text of protocol.json."""
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
