"""A mark by which two states of a visit are told apart, so that nobody overwrites unseen what another changed."""

import hashlib
import json
from collections.abc import Iterable

from server.visits.models import Visit, Visitor

_CHANGEABLE = {
    "title",
    "note",
    "bring",
    "language",
    "starts_at",
    "ends_at",
    "room",
    "zones",
    "host",
}


def version_of(visit: Visit, guests: Iterable[Visitor]) -> str:
    """Return a mark of all that people can change about a visit: two that differ are two states of it."""
    own = visit.model_dump(mode="json", include=_CHANGEABLE)
    invited = [(each.id, each.name, each.email, each.company, each.language) for each in guests]
    written = json.dumps([own, sorted(invited)], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:32]
