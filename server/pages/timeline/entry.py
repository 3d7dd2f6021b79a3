"""What a subject contributes to the timeline of a visit, and for whom it is put together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from server.kernel.ids import VisitorId
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.states import Badge
from server.visits.models import Visit, Visitor


class Kind(StrEnum):
    """What an entry tells of."""

    VISIT = "visit"
    """The appointment itself: made, approved, cancelled."""
    INVITATION = "invitation"
    """Mails to a visitor, and the credentials in them."""
    PHONE = "phone"
    """A link opened on a phone, a messenger joined."""
    REPLY = "reply"
    """What a visitor said to the invitation: declined, another time wished, somebody brought."""
    TERMS = "terms"
    COMING = "coming"
    CHECK_IN = "check_in"
    ANSWER = "answer"
    """What the host let the visitors know."""
    DOOR = "door"
    """A decision at a door, granted or refused, with the controller's word."""
    PASSAGE = "passage"
    MESSAGE = "message"
    DRINK = "drink"
    MEETING = "meeting"
    CHECK_OUT = "check_out"
    SURVEY = "survey"


@dataclass(frozen=True)
class Told:
    """Whose timeline it is, and to whom it is told."""

    work: Work
    visit: Visit
    guests: Sequence[Visitor]
    """Those of whom it tells: all of the visit, or the one visitor who reads it."""
    to_visitor: bool
    """Told to the visitor: nothing of others, nothing of what staff wrote for each other."""

    @cached_property
    def names(self) -> Names:
        """What doors, rooms and people are called."""
        return Names(self.work)

    @cached_property
    def called(self) -> dict[VisitorId, str]:
        """The name of each visitor; empty for the one who reads it: who is meant is clear."""
        return {each.id: "" if self.to_visitor else each.name for each in self.guests}

    @property
    def visitors(self) -> list[VisitorId]:
        """The ids of those of whom it tells."""
        return [each.id for each in self.guests]

    def staff(self, name: str) -> str:
        """Return what only staff may read."""
        return "" if self.to_visitor else name


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    kind: Kind
    key: str
    """Tells it from every other of its kind in the visit; stays the same when the page is fetched again."""
    at: datetime
    state: Badge
    """Icon and word; the word says what happened."""
    visitor: VisitorId | None = None
    """Whom it is about; None: the visit as a whole."""
    detail: str = ""
    who: str = ""
    """Who did it, where that is not the visitor."""


Source = Callable[[Told], Iterable[Entry]]
"""What one subject knows of a visit, in any order."""
