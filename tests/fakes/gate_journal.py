"""A journal in a folder, and entries for it."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec

from access_protocol.credential import CredentialClass
from access_protocol.decision import DenyReason
from access_protocol.events import DecisionEntry, Outcome, OutcomeEntry
from access_protocol.ids import CredentialId
from gate_agent.journal import (
    Journal,
)
from tests.fakes.gate_site import ENTRANCE, NOW

VISITOR = CredentialId(bytes(15) + b"\x01")


def opened(folder: Path) -> Journal:
    return Journal(folder / "journal.sqlite3", dict)


def decision(event: str = "", reason: DenyReason | None = None) -> DecisionEntry:
    return DecisionEntry(
        at=NOW,
        event=event or str(uuid4()),
        access_point=ENTRANCE,
        reason=reason,
        credential=VISITOR.hex(),
        credential_class=CredentialClass.STATIC,
        generation=0,
    )


def outcome(event: str, what: Outcome) -> OutcomeEntry:
    return OutcomeEntry(at=NOW, event=event, access_point=ENTRANCE, outcome=what)


def later(days: float) -> datetime:
    return NOW + timedelta(days=days)


def dated(days: float, reason: DenyReason | None = DenyReason.EXPIRED) -> DecisionEntry:
    return msgspec.structs.replace(decision(reason=reason), at=later(days))
