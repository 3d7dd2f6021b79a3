"""What the gate knows: the signed documents that it accepted, and the feeds that they brought.

Keys and policy are whole documents, kept as files and verified again whenever they are loaded. Feeds grow and
lie in a file of their own (`held_feeds`). The server's time is no document to keep: it answers one question.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from access_protocol import credential as credentials
from access_protocol import documents, feeds, knowledge, signed
from access_protocol.credential import CredentialClass, Presentation
from access_protocol.documents import Document, DocumentKind, OlderDocumentError
from access_protocol.feeds import FEEDS, MissedChangesError
from access_protocol.ids import CredentialId, DeviceId, KeyId, SiteCode
from access_protocol.keys import KeyRing, RingKey
from access_protocol.knowledge import EntranceScreen, MalformedSectionError, Policy, TimeAnswer
from gate_agent.held_feeds import HeldCredential, HeldFeeds, KnowledgeNotKept
from gate_agent.local_store import Identity, LocalStore
from gate_agent.logs import Log

SECTIONS = (DocumentKind.KEYS, DocumentKind.POLICY)
"""What comes as whole documents, and without which nobody is admitted."""
_WHOLE = (*SECTIONS, DocumentKind.ENTRANCE)
"""What comes as whole documents; what the screen shows beside a poster has no say in any decision."""


class UnaskedTimeError(ValueError):
    """A time that answers no question of this gate, or not in time: held back, replayed, or late."""


REFUSALS = (
    signed.MalformedEnvelopeError,
    signed.UnknownKeyError,
    signed.BadSignatureError,
    documents.MalformedDocumentError,
    documents.MisdirectedDocumentError,
    documents.OlderDocumentError,
    MalformedSectionError,
    MissedChangesError,
    UnaskedTimeError,
    # ValueError's last: nearly everything above is one, and so is a body that fits no section.
    ValueError,
)
"""What `HeldKnowledge.accept` may raise."""
_ALWAYS = (datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))

log = Log(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A document that was news. `more`: there are changes behind it to ask for; `refused`: entries of it."""

    document: Document
    more: bool = False
    refused: int = 0


class HeldKnowledge:
    """The gate's `rules.Knowledge`, from the documents that its authority signed."""

    def __init__(self, identity: Identity, store: LocalStore) -> None:
        """Load and verify what the store holds; a document that fails is not used."""
        self._site, self._device = identity.site, identity.device
        self._authority = KeyRing(RingKey(public, *_ALWAYS) for public in identity.authority)
        self._store = store
        self._lock = threading.RLock()
        self._versions: dict[DocumentKind, int] = {}
        self._ring = KeyRing(())
        self._policy = Policy(access_points={})
        self._screens: tuple[EntranceScreen, ...] = ()
        self._pending: tuple[datetime, TimeAnswer] | None = None
        self.feeds = HeldFeeds(store.feeds_path)
        for kind in _WHOLE:
            self._load(kind)

    def close(self) -> None:
        """Let go of the files. Closing twice is allowed."""
        self.feeds.close()

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
    def screens(self) -> tuple[EntranceScreen, ...]:
        """What the display shows beside posters at this gate's access points."""
        return self._screens

    @property
    def versions(self) -> dict[DocumentKind, int]:
        """The version held of each section and feed."""
        return {**self._versions, **self.feeds.versions}

    @property
    def heard(self) -> datetime | None:
        """As of when the gate holds all that its server knew, by the server's clock.

        None also where anything of it is missing: then nobody is admitted.
        """
        return self.feeds.heard if self._versions.keys() >= set(SECTIONS) else None

    @property
    def incomplete(self) -> bool:
        """Whether the server's last answer named changes that are not held yet."""
        return self._pending is not None

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> Iterable[bytes]:
        """See `rules.Knowledge.issuer_keys`."""
        return self._ring.with_hint(hint, at)

    def lowest_generation(self, credential: CredentialId) -> int:
        """See `rules.Knowledge.lowest_generation`."""
        return self.feeds.lowest_generation(credential)

    def held_credential(self, credential: CredentialId) -> bytes | None:
        """See `rules.Knowledge.held_credential`."""
        return self.feeds.held_credential(credential)

    def accept(
        self, message: bytes, at: datetime | None, is_answer: Callable[[bytes], bool]
    ) -> Accepted | None:
        """Verify, keep and use a document that just came; return None where it was held already.

        `at` is the gate's time where it is trusted. `is_answer` tells, once, whether a nonce is that of
        a question which waits for its answer. Raises one of `REFUSALS`, or `KnowledgeNotKept` where the
        disk does not take it; then everything stays as it was.
        """
        document = self._open(message, at)
        with self._lock:
            accepted = self._take(document, message, is_answer)
            self._settle()
        return accepted

    def _take(
        self, document: Document, message: bytes, is_answer: Callable[[bytes], bool]
    ) -> Accepted | None:
        if document.kind is DocumentKind.TIME:
            answer = knowledge.read_time(document.body)
            if not is_answer(answer.nonce):
                raise UnaskedTimeError(f"the time {document.issued} was not asked for")
            self._pending = document.issued, answer
            return Accepted(document)
        if document.kind in FEEDS:
            try:
                return self._take_chunk(document)
            except OlderDocumentError:
                return None  # pushed and asked for: whichever came second
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
        if document.kind is DocumentKind.KEYS and self.feeds.credentials_left_out:
            self.feeds.begin_credentials_anew()
            return Accepted(document, more=True)
        return Accepted(document)

    def _take_chunk(self, document: Document) -> Accepted:
        version, body, held = document.version, document.body, self.feeds.versions
        if document.kind is DocumentKind.REVOCATIONS:
            revocations = feeds.read_revocations(body)
            feeds.check_order(revocations.after, version, held.get(document.kind, 0))
            self.feeds.take_revocations(version, revocations.entries)
            return Accepted(document, revocations.more)
        if document.kind is DocumentKind.PRESENCE:
            passages = feeds.read_presence(body)
            feeds.check_order(passages.after, version, held.get(document.kind, 0))
            self.feeds.take_presence(version, passages.entries)
            return Accepted(document, passages.more)
        chunk = feeds.read_credentials(body)
        feeds.check_order(chunk.after, version, held.get(document.kind, 0))
        good, refused, complete = self._vouched_for(chunk.entries)
        self.feeds.take_credentials(version, good, complete=complete)
        return Accepted(document, chunk.more, refused)

    def _vouched_for(self, entries: Iterable[bytes]) -> tuple[list[HeldCredential], int, bool]:
        """Return those that an issuer of this site signed, how many others, and whether all keys were known."""
        good, refused, complete = list[HeldCredential](), 0, True
        for message in entries:
            try:
                # The rules ask again, with the time, when it is presented.
                claims = credentials.verify_issuer(
                    Presentation(message), lambda hint: self._ring.with_hint(hint, None)
                )
            except signed.UnknownKeyError:
                refused, complete = refused + 1, False
                continue
            except (
                signed.MalformedEnvelopeError,
                signed.BadSignatureError,
                credentials.MalformedCredentialError,
            ):
                refused += 1
                continue
            if claims.credential_class is CredentialClass.BOUND and claims.site == self.site:
                good.append(HeldCredential(message, claims))
            else:
                refused += 1
        return good, refused, complete

    def _settle(self) -> None:
        """Take over the server's time once all that it knew then is held."""
        if self._pending is None:
            return
        issued, answer = self._pending
        if _holds(self.versions, answer.versions):
            try:
                self.feeds.hear(issued)
            except KnowledgeNotKept as error:
                log.warning("time_not_kept", why=str(error))
                return
            self._pending = None

    def _open(self, message: bytes, at: datetime | None) -> Document:
        return documents.open_document(
            message, self._authority, site=self._site, device=self._device, at=at
        )

    def _install(self, document: Document) -> None:
        if document.kind is DocumentKind.KEYS:
            self._ring = knowledge.read_keys(document.body)
        elif document.kind is DocumentKind.POLICY:
            self._policy = knowledge.read_policy(document.body)
        elif document.kind is DocumentKind.ENTRANCE:
            self._screens = knowledge.read_entrance(document.body)
        else:
            raise documents.MalformedDocumentError(f"{document.kind} is not for a gate")
        self._versions[document.kind] = document.version


def _holds(held: Mapping[DocumentKind, int], named: Mapping[str, int]) -> bool:
    """Tell whether all that is named is held; a later kind of knowledge is none of this gate's."""
    known = {*SECTIONS, *FEEDS} & named.keys()
    return all(held.get(DocumentKind(kind), 0) >= named[kind] for kind in known)
