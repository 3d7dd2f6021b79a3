"""Makes protocol.json: fixed keys, ids and times in, every byte out; run it only to add vectors.

`python -m tests.vectors.make` must give the committed file again, byte for byte; a test checks that.
"""

import json
from datetime import timedelta
from pathlib import Path

from access_protocol import (
    commands,
    credential,
    documents,
    entrance_code,
    events,
    feeds,
    knowledge,
)
from access_protocol.credential import CredentialClass
from access_protocol.keys import HolderKey
from tests.vectors import controllers, decisions, enrolments
from tests.vectors.stage import (
    AUTHORITY,
    CONTROLLER,
    ENTRANCE_SCREEN,
    EVENT,
    GATE,
    GATE_KEY,
    HOLDER,
    ISSUER,
    LAST_PASSAGE,
    NONCE,
    NOON,
    POINT,
    POLICY_SENT,
    REVOCATION,
    RING,
    SITE,
    TIME_ANSWER,
    VISITOR,
    credentials,
)

FILE = Path(__file__).with_name("protocol.json")


def _documents() -> dict[str, bytes]:
    gate_key = knowledge.Obeyed(GATE, GATE_KEY.public, frozenset({commands.Action.UNLOCK}))
    bodies = {
        documents.DocumentKind.KEYS: (GATE, knowledge.write_keys(RING)),
        documents.DocumentKind.POLICY: (GATE, knowledge.write_policy(POLICY_SENT)),
        documents.DocumentKind.REVOCATIONS: (
            GATE,
            feeds.write_revocations(feeds.Chunk(6, (REVOCATION,))),
        ),
        documents.DocumentKind.CREDENTIALS: (
            GATE,
            feeds.write_credentials(feeds.Chunk(6, (credentials()["bound"],))),
        ),
        documents.DocumentKind.PRESENCE: (
            GATE,
            feeds.write_presence(feeds.Chunk(0, (LAST_PASSAGE,), more=True)),
        ),
        documents.DocumentKind.ENTRANCE: (GATE, knowledge.write_entrance([ENTRANCE_SCREEN])),
        documents.DocumentKind.TIME: (GATE, knowledge.write_time(TIME_ANSWER)),
        documents.DocumentKind.KEY_LIST: (CONTROLLER, knowledge.write_key_list((gate_key,))),
    }
    return {
        kind: documents.seal(documents.Document(kind, SITE, device, 7, NOON, body), AUTHORITY)
        for kind, (device, body) in bodies.items()
    }


def _entrance_codes() -> dict[str, object]:
    """The digits of the entrance vector in three steps that follow each other."""
    return {
        "key": ENTRANCE_SCREEN.key.hex(),
        "steps": [
            {
                "at": int((NOON + step * entrance_code.STEP).timestamp()),
                "digits": entrance_code.code_at(
                    ENTRANCE_SCREEN.key, NOON + step * entrance_code.STEP
                ).digits,
            }
            for step in (-1, 0, 1)
        ],
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
            for name, message in credentials().items()
        ],
        "decisions": {
            "zone": POINT.zone,
            "lowest_generation": {VISITOR.hex(): 1},
            "held": {VISITOR.hex(): credentials()["bound"].hex()},
            "cases": decisions.cases(),
        },
        "command": {
            "message": commands.seal(command, GATE_KEY).hex(),
            "controller": CONTROLLER,
            "nonce": NONCE.hex(),
            "event": EVENT,
            "pulse_ms": 5000,
        },
        "controllers": controllers.vectors(),
        "enrolment": enrolments.vectors(),
        "documents": [
            {"kind": kind, "message": message.hex()} for kind, message in _documents().items()
        ],
        "entrance_codes": _entrance_codes(),
        "journal": _journal(),
    }


def written() -> str:
    """The text of protocol.json."""
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
