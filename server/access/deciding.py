"""The server as a decider: what it knows of a site and what it remembers, as `rules.decide` asks for them.

A gate has its sections, feeds and journal; the server has the rows that those are made of. So both say the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlmodel import col
from sqlmodel import select as select_rows

from access_protocol.credential import CredentialClass
from access_protocol.events import FREEING, Outcome
from access_protocol.ids import AccessPointId, CredentialId, Direction, KeyId, SiteCode, ZoneNumber
from access_protocol.knowledge import ALL_GENERATIONS, Policy
from server.access import feeds
from server.access.models import AccessEvent, EntryKind
from server.credentials import models as credentials
from server.credentials.models import Credential, Issue
from server.kernel.upsert import table_of
from server.kernel.work import Work

_EVENTS = table_of(AccessEvent)


@dataclass(frozen=True)
class SiteKnowledge:
    """What the server knows, which is always up to date: see `rules.Knowledge`."""

    work: Work
    site: SiteCode
    policy: Policy

    def issuer_keys(self, hint: KeyId, at: datetime | None) -> Iterable[bytes]:
        """See `rules.Knowledge.issuer_keys`."""
        ring = credentials.key_ring(self.work.session, self.site, self.work.now)
        return ring.with_hint(hint, at)

    def lowest_generation(self, credential: CredentialId) -> int:
        """See `rules.Knowledge.lowest_generation`; of one that we do not hold, or no longer, none counts."""
        held = self.work.session.get(Credential, credential)
        return ALL_GENERATIONS if held is None else held.lowest_valid

    def held_credential(self, credential: CredentialId) -> bytes | None:
        """See `rules.Knowledge.held_credential`."""
        newest = (
            select_rows(Issue)
            .where(Issue.credential == credential, Issue.credential_class == CredentialClass.BOUND)
            .order_by(col(Issue.generation).desc())
        )
        found = self.work.session.exec(newest.limit(1)).first()
        return None if found is None else found.message


@dataclass(frozen=True)
class SiteHistory:
    """What the ledger tells, of all gates of a site and of the server itself: see `rules.History`."""

    work: Work
    site: SiteCode

    def presentation_used(
        self, credential: CredentialId, presented_at: int, point: AccessPointId
    ) -> bool:
        """See `rules.History.presentation_used`."""
        used = select(_EVENTS.c.id).where(
            *self._decided(credential),
            _EVENTS.c.access_point == point,
            _EVENTS.c.presented_at == presented_at,
        )
        return self.work.session.connection().execute(used.limit(1)).first() is not None

    def entry_spent(self, credential: CredentialId, point: AccessPointId) -> bool:
        """See `rules.History.entry_spent`: a grant is freed only by the word that nothing came of it."""
        granted = select(_EVENTS.c.gate, _EVENTS.c.event).where(
            *self._decided(credential),
            _EVENTS.c.access_point == point,
            _EVENTS.c.granted.is_(True),
        )
        rows = self.work.session.connection().execute(granted).all()
        told = select(_EVENTS.c.gate, _EVENTS.c.event, _EVENTS.c.outcome).where(
            _EVENTS.c.kind == EntryKind.OUTCOME, _EVENTS.c.event.in_([row.event for row in rows])
        )
        freed: dict[tuple[str, str], bool] = {(row.gate, row.event): False for row in rows}
        in_order = told.order_by(_EVENTS.c.gate, _EVENTS.c.sequence)
        for gate, event, outcome in self.work.session.connection().execute(in_order):
            if (gate, event) in freed:
                freed[gate, event] = Outcome(outcome) in FREEING
        return not all(freed.values())

    def bound_generation(self, credential: CredentialId) -> int | None:
        """See `rules.History.bound_generation`."""
        newest = select(func.max(_EVENTS.c.generation)).where(
            *self._decided(credential),
            _EVENTS.c.granted.is_(True),
            _EVENTS.c.credential_class == CredentialClass.BOUND,
        )
        return self.work.session.connection().execute(newest).scalar()

    def inside(self, credential: CredentialId, zone: ZoneNumber, since: datetime | None) -> bool:
        """See `rules.History.inside`: what the gates are told of this visitor, amnesties included."""
        last = feeds.last_passage(self.work, self.site, credential, zone)
        if last is None or last.direction is not Direction.IN:
            return False
        return since is None or last.at > since

    def _decided(self, credential: CredentialId) -> tuple[ColumnElement[bool], ...]:
        return (
            _EVENTS.c.credential == credential,
            _EVENTS.c.site == self.site,
            _EVENTS.c.kind == EntryKind.DECISION,
        )
