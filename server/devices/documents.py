"""Signed documents for devices: one version counter a section and device, raised when the content changes.

Whoever changes what a device must know calls `issue` with the section's present body. The row is locked before
the body is made, so that of two changes at once the later one always writes what both of them left.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from sqlmodel import select

from access_protocol import documents, topics
from access_protocol.documents import Document, DocumentKind
from access_protocol.ids import DeviceId, SiteCode
from access_protocol.topics import SERVER, Kind, Subject
from server.devices.keys import signing_key
from server.devices.models import IssuedDocument, KeyPurpose
from server.kernel import outbox
from server.kernel.upsert import insert_once
from server.kernel.work import Work

log = structlog.get_logger(__name__)

OUTBOX_KIND = "mqtt"
KEPT = timedelta(seconds=60)
"""A device that could not be told in this time asks by itself, at each connect and every minute."""
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


def send(work: Work, site: SiteCode, row: IssuedDocument) -> None:
    """Send a section to its device once this work is committed."""
    send_body(work, site, row.device, row.kind, row.version, row.body)


def send_body(
    work: Work, site: SiteCode, device: DeviceId, kind: DocumentKind, version: int, body: bytes
) -> None:
    """Sign and send a document that has no counter of its own, or that `issue` has counted."""
    document = Document(kind, site, device, version, work.now, body)
    message = documents.seal(document, signing_key(work, site, KeyPurpose.AUTHORITY))
    if len(message) > documents.DOCUMENT_CEILING:
        log.error("too large for its device: it stays with what it has", device=device, kind=kind)
    subject = Subject.KEYS if kind is DocumentKind.KEY_LIST else Subject.KNOWLEDGE
    outbox.post(
        work,
        OUTBOX_KIND,
        topics.build(site, Kind.SERVER, SERVER, subject, device),
        body=message,
        reference=f"{kind}:{version}"[:64],
        deadline=work.now + KEPT,
    )


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
