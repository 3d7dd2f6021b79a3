"""Signed documents for devices: one version counter a section and device, raised when the content changes.

Whoever changes what a device must know calls `issue` with the section's present body. The row is locked before
the body is made, so that of two changes at once the later one always writes what both of them left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import cbor2
import structlog
from sqlmodel import select

from access_protocol import documents, topics
from access_protocol.documents import Document, DocumentKind
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.keys import SigningKey
from access_protocol.topics import SERVER, Kind, Subject
from access_protocol.transport.base import Transport
from server.devices.keys import signing_key
from server.devices.models import IssuedDocument, KeyPurpose
from server.kernel import outbox
from server.kernel.outbox import Outgoing, Sender, SendFailed
from server.kernel.upsert import insert_once
from server.kernel.work import Work

log = structlog.get_logger(__name__)

OUTBOX_KIND = "documents"
KEPT = timedelta(seconds=60)
"""A device that could not be told in this time asks by itself, at each connect and every minute."""
ROW_BYTES = 1024 * 1024
"""A row of the outbox is closed behind the device with which it grows past this."""
HIGHEST_VERSION = 1 << 62


def issue(
    work: Work, device: DeviceId, kind: DocumentKind, body: Callable[[], bytes]
) -> tuple[IssuedDocument, bool]:
    """Return the section as it stands now, and whether that is news; `body` is called under the lock."""
    row = _locked(work, device, kind)
    fresh = body()
    changed = row.version == 0 or row.body != fresh
    if changed:
        row.body, row.version = fresh, row.version + 1
        work.session.add(row)
    return row, changed


def catch_up(work: Work, row: IssuedDocument, held: int | None) -> bool:
    """Tell whether a device that holds version `held` must be sent the section.

    A device that is ahead of us saw documents which our database has lost, for example by going back to an
    older copy: our counter then moves past it, or the device would refuse all that follows.
    """
    if held is not None and row.version < held < HIGHEST_VERSION:
        row.version = held + 1
        work.session.add(row)
    return held is None or held < row.version


class Section(NamedTuple):
    """A section, or a part of one, as it goes to one device."""

    kind: DocumentKind
    version: int
    body: bytes


def send(work: Work, site: SiteCode, row: IssuedDocument) -> None:
    """Send a section to its device once this work is committed."""
    send_all(work, site, row.device, [Section(row.kind, row.version, row.body)])


def send_all(work: Work, site: SiteCode, device: DeviceId, sections: Sequence[Section]) -> None:
    """Sign sections and send them to a device in this order, once this work is committed."""
    send_many(work, site, [(device, sections)])


def send_many(
    work: Work, site: SiteCode, posts: Iterable[tuple[DeviceId, Sequence[Section]]]
) -> None:
    """Sign sections for several devices and send them, each device's in their order, after the commit.

    They share rows of the outbox: twenty rows that are settled one by one would let the last gate wait.
    """
    key = signing_key(work, site, KeyPurpose.AUTHORITY)
    messages: list[tuple[str, bytes]] = []
    reference, size = "", 0
    for device, sections in posts:
        for section in sections:
            message = _sealed(work, site, device, section, key)
            if len(message) > documents.DOCUMENT_CEILING:
                # The broker would end our own connection over it.
                log.error("too large: its device stays with what it has", device=device)
                continue
            messages.append((_topic(site, device, section.kind), message))
            reference, size = f"{section.kind}:{section.version}", size + len(message)
        if size > ROW_BYTES:
            _post(work, messages, reference)
            messages, size = [], 0
    if messages:
        _post(work, messages, reference)


def _sealed(
    work: Work, site: SiteCode, device: DeviceId, section: Section, key: SigningKey
) -> bytes:
    kind, version, body = section
    return documents.seal(Document(kind, site, device, version, work.now, body), key)


def _topic(site: SiteCode, device: DeviceId, kind: DocumentKind) -> str:
    subject = Subject.KEYS if kind is DocumentKind.KEY_LIST else Subject.KNOWLEDGE
    return topics.build(site, Kind.SERVER, SERVER, subject, device)


def _post(work: Work, messages: Sequence[tuple[str, bytes]], reference: str) -> None:
    outbox.post(
        work,
        OUTBOX_KIND,
        messages[0][0],
        body=cbor2.dumps(messages),
        reference=reference[:64],
        deadline=work.now + KEPT,
    )


def sender(transport: Transport) -> Sender:
    """Return what publishes the documents of one row in their order; a device takes a repeated one as known."""

    def publish(row: Outgoing) -> None:
        for topic, message in cbor2.loads(row.body or b"\x80"):
            if not transport.publish(topic, message, expiry=KEPT):
                raise SendFailed("the broker is away")

    return publish


def held_versions(held: Mapping[str, int]) -> dict[DocumentKind, int]:
    """Return the known sections among what a device says it holds."""
    known = {kind.value: kind for kind in DocumentKind}
    return {known[name]: version for name, version in held.items() if name in known}


def _locked(work: Work, device: DeviceId, kind: DocumentKind) -> IssuedDocument:
    insert_once(work.session, IssuedDocument, device=device, kind=kind, version=0, body=b"")
    statement = (
        select(IssuedDocument)
        .where(IssuedDocument.device == device, IssuedDocument.kind == kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return work.session.exec(statement).one()
