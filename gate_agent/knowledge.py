"""What the gate knows: the signed sections it accepted, each verified again whenever it is loaded."""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime

from access_protocol import documents, knowledge, signed
from access_protocol.documents import Document, DocumentKind
from access_protocol.ids import CredentialId, DeviceId, KeyId, SiteCode
from access_protocol.keys import KeyRing, RingKey
from access_protocol.knowledge import MalformedSectionError, Policy
from gate_agent.local_store import Identity, LocalStore
from gate_agent.logs import Log

SECTIONS = (
    DocumentKind.KEYS,
    DocumentKind.POLICY,
    DocumentKind.REVOCATIONS,
    DocumentKind.TIME,
)
REFUSALS = (
    signed.MalformedEnvelopeError,
    signed.UnknownKeyError,
    signed.BadSignatureError,
    documents.MalformedDocumentError,
    documents.MisdirectedDocumentError,
    documents.OlderDocumentError,
    MalformedSectionError,
    # ValueError's last: everything above is one, and so is a body that fits no section.
    ValueError,
)
"""What `HeldKnowledge.accept` may raise."""
_ALWAYS = (datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))

log = Log(__name__)


class HeldKnowledge:
    """The gate's `rules.Knowledge`, from the documents that its authority signed."""

    def __init__(self, identity: Identity, store: LocalStore) -> None:
        """Load and verify what the store holds; a document that fails is not used."""
        self._site, self._device = identity.site, identity.device
        self._authority = KeyRing(RingKey(public, *_ALWAYS) for public in identity.authority)
        self._store = store
        self._lock = threading.Lock()
        self._versions: dict[DocumentKind, int] = {}
        self._ring = KeyRing(())
        self._policy = Policy(access_points={})
        self._revocations: dict[CredentialId, int] = {}
        self._heard: datetime | None = None
        for kind in SECTIONS:
            self._load(kind)

    def _load(self, kind: DocumentKind) -> None:
        message = self._store.document(kind)
        if message is None:
            return
        try:
            document = self._open(message, None)
            if document.kind is not kind:
                raise documents.MalformedDocumentError(f"{document.kind} in the place of {kind}")
            self._install(document)
        except REFUSALS as error:
            log.warning("held_document_refused", kind=kind, why=str(error))

    @property
    def site(self) -> SiteCode:
        """See `rules.Knowledge.site`."""
        return self._site

    @property
    def device(self) -> DeviceId:
        """The gate's own id."""
        return self._device

    @property
    def policy(self) -> Policy:
        """See `rules.Knowledge.policy`; without access points as long as nothing is known."""
        return self._policy

    @property
    def versions(self) -> dict[DocumentKind, int]:
        """The version held of each section."""
        return dict(self._versions)

    @property
    def heard(self) -> datetime | None:
        """The time in the newest time document: when the server was last heard, by its own clock."""
        return self._heard

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> Iterable[bytes]:
        """See `rules.Knowledge.issuer_keys`."""
        return self._ring.with_hint(hint, at)

    def lowest_generation(self, credential: CredentialId) -> int:
        """See `rules.Knowledge.lowest_generation`."""
        return self._revocations.get(credential, 0)

    def held_credential(self, credential: CredentialId) -> bytes | None:
        """See `rules.Knowledge.held_credential`."""
        return None

    def accept(self, message: bytes, at: datetime | None) -> Document | None:
        """Verify, keep and use a document that just came; return it, or None where it is held.

        `at` is the gate's time where it is trusted. Raises one of `REFUSALS`; then everything
        stays as it was.
        """
        document = self._open(message, at)
        with self._lock:
            held = self._versions.get(document.kind)
            documents.not_older(document, held)
            if document.version == held:
                return None
            self._install(document)
        try:
            self._store.keep_document(document.kind, message)
        except OSError as error:
            # It is used all the same: newer knowledge in memory is better than older on the disk.
            log.warning("document_not_kept", kind=document.kind, why=str(error))
        return document

    def _open(self, message: bytes, at: datetime | None) -> Document:
        return documents.open_document(
            message, self._authority, site=self._site, device=self._device, at=at
        )

    def _install(self, document: Document) -> None:
        if document.kind is DocumentKind.KEYS:
            self._ring = knowledge.read_keys(document.body)
        elif document.kind is DocumentKind.POLICY:
            self._policy = knowledge.read_policy(document.body)
        elif document.kind is DocumentKind.REVOCATIONS:
            self._revocations = knowledge.read_revocations(document.body)
        elif document.kind is DocumentKind.TIME:
            self._heard = document.issued
        else:
            raise documents.MalformedDocumentError(f"{document.kind} is not for a gate")
        self._versions[document.kind] = document.version
