"""A site's knowledge and history held in plain sets, for tests of the rules."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from access_protocol.ids import AccessPointId, CredentialId, KeyId, SiteCode, ZoneNumber
from access_protocol.keys import KeyRing
from access_protocol.knowledge import Policy


@dataclass
class FakeKnowledge:
    """What a test says is known."""

    site: SiteCode
    policy: Policy
    ring: KeyRing
    lowest: dict[CredentialId, int] = field(default_factory=dict[CredentialId, int])

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> Iterable[bytes]:
        return self.ring.with_hint(hint, at)

    def lowest_generation(self, credential: CredentialId) -> int:
        return self.lowest.get(credential, 0)


@dataclass
class FakeHistory:
    """What a test says has happened."""

    presentations: set[tuple[CredentialId, int, AccessPointId]] = field(
        default_factory=set[tuple[CredentialId, int, AccessPointId]]
    )
    entries: set[tuple[CredentialId, AccessPointId]] = field(
        default_factory=set[tuple[CredentialId, AccessPointId]]
    )
    bound: set[CredentialId] = field(default_factory=set[CredentialId])
    presence: set[tuple[CredentialId, ZoneNumber]] = field(
        default_factory=set[tuple[CredentialId, ZoneNumber]]
    )

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        return (credential, presented_at, point) in self.presentations

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        return (credential, point) in self.entries

    def bound_used(self, credential: CredentialId) -> bool:
        return credential in self.bound

    def inside(self, credential: CredentialId, zone: ZoneNumber) -> bool:
        return (credential, zone) in self.presence
