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
    held: dict[CredentialId, bytes] = field(default_factory=dict[CredentialId, bytes])

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> Iterable[bytes]:
        return self.ring.with_hint(hint, at)

    def lowest_generation(self, credential: CredentialId) -> int:
        return self.lowest.get(credential, 0)

    def held_credential(self, credential: CredentialId) -> bytes | None:
        return self.held.get(credential)


@dataclass
class FakeHistory:
    """What a test says has happened."""

    presentations: set[tuple[CredentialId, int, AccessPointId]] = field(
        default_factory=set[tuple[CredentialId, int, AccessPointId]]
    )
    entries: set[tuple[CredentialId, AccessPointId]] = field(
        default_factory=set[tuple[CredentialId, AccessPointId]]
    )
    bound: dict[CredentialId, int] = field(default_factory=dict[CredentialId, int])
    presence: dict[tuple[CredentialId, ZoneNumber], datetime] = field(
        default_factory=dict[tuple[CredentialId, ZoneNumber], datetime]
    )

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        return (credential, presented_at, point) in self.presentations

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        return (credential, point) in self.entries

    def bound_generation(self, credential: CredentialId) -> int | None:
        return self.bound.get(credential)

    def inside(self, credential: CredentialId, zone: ZoneNumber, since: datetime | None) -> bool:
        entered = self.presence.get((credential, zone))
        return entered is not None and (since is None or entered > since)
