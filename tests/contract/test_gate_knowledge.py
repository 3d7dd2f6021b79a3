"""What a gate gets when it asks, and when something changes; on both databases."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from sqlalchemy import text

from access_protocol import codec, documents, knowledge, topics
from access_protocol.documents import Document, DocumentKind
from access_protocol.events import SyncRequest
from access_protocol.keys import KeyRing, RingKey
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.memory import MemoryBroker, MemoryTransport
from server.access import knowledge as gate_knowledge
from server.credentials import actions as credentials
from server.devices.actions import public_keys
from server.devices.models import KeyPurpose
from server.kernel.clock import FixedClock
from server.kernel.work import Office
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
from tests.services.template import PostgresqlTemplate


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


@pytest.mark.postgresql
def test_a_gate_that_asks_and_a_credential_that_is_replaced_do_not_wait_for_each_other(
    postgresql_template: PostgresqlTemplate, tmp_path: Path
) -> None:
    made = enrolled_site(postgresql_template.copy(), tmp_path, FixedClock(NOW))
    with closing(made), ThreadPoolExecutor(1) as threads:
        with made.begin(SYSTEM) as work:
            credentials.issue(work, VISITOR)
        with made.begin(SYSTEM) as work:
            credentials.withdraw(work, VISITOR)
            work.session.flush()
            asked = threads.submit(_ask, made)
            _wait_until_somebody_waits(made)
            credentials.issue(work, VISITOR)
        asked.result(20)


def _ask(office: Office) -> None:
    with office.begin(SYSTEM) as work:
        gate_knowledge.answer(work, TYO, GATE, {})


def _wait_until_somebody_waits(office: Office) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    until = monotonic() + 20
    while monotonic() < until:
        with office.engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
        Event().wait(0.02)
    pytest.fail("nobody waited for a lock")
