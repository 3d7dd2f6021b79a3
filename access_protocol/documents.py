"""Signed, versioned documents: what a server tells a device that changes what opens.

Each document is a COSE_Sign1 by the site's authority key and names its kind, its site, the device it
is for, its version and the time it was issued. A device keeps the highest version of each kind and
refuses older ones.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import cbor2

from access_protocol import signed
from access_protocol.cbor import UNREADABLE, bytes_at, int_at, load_map
from access_protocol.ids import DeviceId, SiteCode, device_id, site_code
from access_protocol.keys import KeyRing, SigningKey

DOCUMENT_CONTEXT = b"genkan-document-1"
DOCUMENT_CEILING = 256 * 1024
_KIND, _SITE, _DEVICE, _VERSION, _ISSUED, _BODY = 1, 2, 3, 4, 5, 6


class DocumentKind(StrEnum):
    """The sections of a device's knowledge; each has versions of its own."""

    KEYS = "keys"
    POLICY = "policy"
    REVOCATIONS = "revocations"
    CREDENTIALS = "credentials"
    PRESENCE = "presence"
    ENTRANCE = "entrance"
    TIME = "time"
    KEY_LIST = "key_list"


class MalformedDocumentError(ValueError):
    """Bytes that the authority signed and that are still no document of this version."""


class MisdirectedDocumentError(ValueError):
    """A good document that is for another site or another device."""


class OlderDocumentError(ValueError):
    """A good document that is older than the one the device already holds."""


@dataclass(frozen=True, slots=True)
class Document:
    """One section for one device; `body` is deterministic CBOR whose form the kind decides."""

    kind: DocumentKind
    site: SiteCode
    device: DeviceId
    version: int
    issued: datetime
    body: bytes


def seal(document: Document, key: SigningKey) -> bytes:
    """Return the document as a COSE_Sign1 by the authority's `key`."""
    return signed.sign(_write(document), key, DOCUMENT_CONTEXT)


def _write(document: Document) -> bytes:
    return cbor2.dumps(
        {
            _KIND: str(document.kind),
            _SITE: str(document.site),
            _DEVICE: str(document.device),
            _VERSION: document.version,
            _ISSUED: int(document.issued.timestamp()),
            _BODY: document.body,
        }
    )


def open_document(
    message: bytes, authority: KeyRing, *, site: SiteCode, device: DeviceId, at: datetime | None
) -> Document:
    """Return the document in `message` that the authority signed for this device.

    `at` is the device's time where it has one: keys whose time is over then do not count. A device
    that does not know the time yet passes None and takes the time the document itself was issued at.
    Raises `signed.MalformedEnvelopeError`, `signed.UnknownKeyError`, `signed.BadSignatureError`,
    `MalformedDocumentError` or `MisdirectedDocumentError`.
    """
    if len(message) > DOCUMENT_CEILING:
        reason = "longer than any document"
        raise signed.MalformedEnvelopeError(reason)
    payload = signed.verify(
        message,
        lambda hint: authority.with_hint(hint, at),
        DOCUMENT_CONTEXT,
    )
    document = _parse(payload)
    if document.site != site or document.device != device:
        reason = f"for {document.site}/{document.device}, not for {site}/{device}"
        raise MisdirectedDocumentError(reason)
    return document


def _parse(payload: bytes) -> Document:
    try:
        fields = load_map(payload)
        document = Document(
            kind=DocumentKind(fields[_KIND]),
            site=site_code(fields[_SITE]),
            device=device_id(fields[_DEVICE]),
            version=int_at(fields, _VERSION),
            issued=datetime.fromtimestamp(int_at(fields, _ISSUED), UTC),
            body=bytes_at(fields, _BODY),
        )
        rewritten = _write(document)
    except UNREADABLE as error:
        raise MalformedDocumentError(str(error)) from error
    if rewritten != payload or document.version < 0:
        reason = "not the deterministic form of a document"
        raise MalformedDocumentError(reason)
    return document


def not_older(document: Document, held_version: int | None) -> Document:
    """Return the document, or raise `OlderDocumentError` where a later version is held."""
    if held_version is not None and document.version < held_version:
        reason = f"{document.kind} version {document.version}, {held_version} is held"
        raise OlderDocumentError(reason)
    return document
