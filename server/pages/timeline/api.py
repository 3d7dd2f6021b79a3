"""The timeline of a visit as JSON."""

from datetime import datetime

from flask import Response
from pydantic import BaseModel, Field

from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import VisitId, VisitorId
from server.kernel.request import answer, reading
from server.pages.timeline import whole
from server.pages.timeline.entry import Entry, Kind
from server.visits import actions

blueprint = ApiBlueprint("Timeline", "All that happened in a visit, from every source.")


class VisitPath(BaseModel):
    """Names a visit."""

    visit: VisitId = Field(pattern="^[0-9a-f]{32}$")


class EntryOut(BaseModel):
    """One thing that happened."""

    kind: Kind
    key: str = Field(description="Tells it from every other of its kind in the visit.")
    at: datetime
    visitor: VisitorId | None = Field(description="Whom it is about; null: the visit as a whole.")
    words: str = Field(description="What happened, in the caller's language.")
    who: str = Field(description="Who did it, where that is not the visitor.")
    detail: str

    @classmethod
    def of(cls, entry: Entry) -> "EntryOut":
        """Show an entry."""
        return cls(
            kind=entry.kind,
            key=entry.key,
            at=entry.at,
            visitor=entry.visitor,
            words=entry.state.word,
            who=entry.who,
            detail=entry.detail,
        )


class TimelineOut(BaseModel):
    """All that happened in a visit, newest first."""

    items: list[EntryOut]


@blueprint.get("/visits/<visit>/timeline", {200: TimelineOut})
def get_timeline(path: VisitPath) -> Response:
    """Get all that happened in a visit: hosts their own, security all."""
    with reading() as work:
        lines = whole.for_staff(work, actions.get(work, path.visit))
        return answer(TimelineOut(items=[EntryOut.of(each.entry) for each in lines]))
