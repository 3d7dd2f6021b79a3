"""What a gate gets when it asks, and when something changes; on both databases."""

from datetime import timedelta
from pathlib import Path

import structlog
from sqlmodel import select

from access_protocol import codec, documents, knowledge, topics
from access_protocol.documents import Document, DocumentKind
from access_protocol.events import SyncRequest
from access_protocol.keys import KeyRing, RingKey
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from server.credentials import actions as credentials
from server.devices.actions import public_keys, send_body
from server.devices.models import IssuedDocument, KeyPurpose
from server.kernel.outbox import OutboxRow
from tests.fakes.site import (
    CREDENTIAL,
    GATE,
    MAIN_IN,
    NOW,
    SAKURA_IN,
    SYSTEM,
    TYO,
    VISITOR,
    enrolled_site,
)
from tests.fakes.worker import FakeWorker


def test_a_gate_that_asks_gets_what_it_lacks_and_a_revocation_is_pushed(
    database_url: str, tmp_path: Path
) -> None:
    office = enrolled_site(database_url, tmp_path)
    with office.begin(SYSTEM) as work:
        credentials.issue(work, VISITOR)
        keys = public_keys(work, TYO, KeyPurpose.AUTHORITY)
    ring = KeyRing(RingKey(key, NOW, NOW + timedelta(days=1)) for key in keys)
    broker = MemoryBroker()
    worker = FakeWorker(office, broker)
    worker.send()
    got: dict[DocumentKind, Document] = {}
    gate = MemoryTransport(broker)

    def keep(payload: bytes) -> None:
        document = documents.open_document(payload, ring, site=TYO, device=GATE, at=NOW)
        got[document.kind] = document

    gate.subscribe(
        topics.build(TYO, Kind.SERVER, SERVER, Subject.KNOWLEDGE, GATE),
        lambda message: keep(message.payload),
    )
    gate.start()
    ask = topics.build(TYO, Kind.GATE, GATE, Subject.SYNC, SERVER)
    gate.publish(ask, codec.encode(SyncRequest(held={})))
    worker.send()
    assert set(got) == {*DocumentKind} - {DocumentKind.KEY_LIST}
    policy = knowledge.read_policy(got[DocumentKind.POLICY].body)
    assert set(policy.access_points) == {MAIN_IN, SAKURA_IN}
    held = {str(kind): document.version for kind, document in got.items()}
    got.clear()
    gate.publish(ask, codec.encode(SyncRequest(held=held)))
    worker.send()
    assert set(got) == {DocumentKind.TIME}
    with office.begin(SYSTEM) as work:
        credentials.withdraw(work, VISITOR)
    worker.send()
    pushed = got[DocumentKind.REVOCATIONS]
    assert pushed.version > held[DocumentKind.REVOCATIONS]
    assert knowledge.read_revocations(pushed.body) == {CREDENTIAL: knowledge.ALL_GENERATIONS}
    office.close()


def test_gates_are_told_once_of_all_that_one_change_does_to_credentials(
    database_url: str, tmp_path: Path
) -> None:
    office = enrolled_site(database_url, tmp_path)
    with office.begin(SYSTEM) as work:
        for _ in range(3):
            credentials.issue(work, VISITOR)
        credentials.withdraw(work, VISITOR)
        credentials.issue(work, VISITOR)
    with office.reading(SYSTEM) as work:
        told = [row.reference for row in work.session.exec(select(OutboxRow)).all()]
        revocation = work.session.get_one(IssuedDocument, (GATE, DocumentKind.REVOCATIONS))
    assert told.count(f"revocations:{revocation.version}") == 1
    assert sum(each.startswith("revocations:") for each in told) == 2, "enrolled, and this change"
    assert knowledge.read_revocations(revocation.body) == {CREDENTIAL: 4}
    office.close()


def test_a_section_that_no_device_would_take_is_said_aloud(
    database_url: str, tmp_path: Path
) -> None:
    office = enrolled_site(database_url, tmp_path)
    body = bytes(documents.DOCUMENT_CEILING)
    with structlog.testing.capture_logs() as lines, office.begin(SYSTEM) as work:
        send_body(work, TYO, GATE, DocumentKind.REVOCATIONS, 7, body)
    assert [(line["log_level"], line["device"]) for line in lines] == [("error", GATE)]
    office.close()
