"""Visits and their visitors as JSON."""

from collections.abc import Iterable
from datetime import datetime

from flask import Response
from pydantic import BaseModel, Field

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import PersonId, RoomId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery
from server.kernel.request import answer, answer_page, begin, no_content, reading
from server.kernel.work import Work
from server.visits import actions, models
from server.visits.models import Visit, Visitor
from server.visits.rules import (
    MOST_VISITORS,
    Input,
    MailState,
    NewVisit,
    NewVisitor,
    Reason,
    VisitChange,
    VisitFilter,
    VisitorChange,
    VisitState,
)

blueprint = ApiBlueprint("Visits", "Who comes, to whom, when and where.", "/visits")

_ID = Field(pattern="^[0-9a-f]{32}$")


class VisitPath(BaseModel):
    """Which visit."""

    visit: VisitId = _ID


class VisitorPath(VisitPath):
    """Which visitor of which visit."""

    visitor: VisitorId = _ID


class VisitQuery(VisitFilter, PageQuery):
    """Which visits a list shows."""


class WhyNot(Input):
    """Why a visit is cancelled or declined."""

    reason: Reason = ""


class NewVisitors(Input):
    """More people to invite."""

    visitors: list[NewVisitor] = Field(min_length=1, max_length=MOST_VISITORS)


class VisitorOut(BaseModel):
    """Somebody invited."""

    id: VisitorId
    name: str
    email: str
    company: str
    language: Language
    credential: str = Field(description="The credential's id in hex, as it stands in the ledger.")
    mail: MailState = Field(description="What became of the latest mail to them.")

    @classmethod
    def of(cls, visitor: Visitor) -> "VisitorOut":
        """Show a visitor, without their link: it is theirs alone."""
        return cls(
            id=visitor.id,
            name=visitor.name,
            email=visitor.email,
            company=visitor.company,
            language=visitor.language,
            credential=visitor.credential.hex(),
            mail=visitor.mail,
        )


class VisitOut(BaseModel):
    """A visit with everyone invited to it."""

    id: VisitId
    site: SiteCode
    room: RoomId | None
    zones: list[int]
    host: PersonId
    created_by: PersonId | None
    title: str
    note: str
    language: Language
    starts_at: datetime
    ends_at: datetime
    state: VisitState
    decided_by: PersonId | None = Field(description="Who approved or declined it.")
    decided_at: datetime | None
    reason: str = Field(description="Why it was cancelled or declined.")
    sequence: int = Field(description="How often its calendar entry was changed.")
    created_at: datetime
    changed_at: datetime
    visitors: list[VisitorOut]
    version: str = Field(
        description="Send it with a change, to be told where somebody else was faster."
    )

    @classmethod
    def of(cls, visit: Visit, visitors: Iterable[Visitor]) -> "VisitOut":
        """Show a visit."""
        guests = list(visitors)
        return cls.model_validate(
            {
                **visit.model_dump(),
                "visitors": [VisitorOut.of(each) for each in guests],
                "version": models.version_of(visit, guests),
            }
        )


class VisitPage(BaseModel):
    """A page of visits."""

    items: list[VisitOut]
    next_cursor: str | None


def _shown(work: Work, visit: Visit) -> VisitOut:
    return VisitOut.of(visit, models.visitors_of(work.session, visit.id))


def _page(work: Work, page: Page[Visit]) -> Page[VisitOut]:
    guests = models.visitors_by_visit(work.session, [visit.id for visit in page.items])
    return page.map(lambda visit: VisitOut.of(visit, guests.get(visit.id, [])))


@blueprint.get("", {200: VisitPage})
def list_visits(query: VisitQuery) -> Response:
    """List visits: hosts see their own, security all."""
    with reading() as work:
        return answer_page(_page(work, actions.find(work, query, query)))


@blueprint.post("", {201: VisitOut})
def create_visit(body: NewVisit) -> Response:
    """Make a visit. Unless its site approves visits, everyone is invited by mail at once."""
    with begin() as work:
        made = _shown(work, actions.create(work, body))
    response = answer(made, 201)
    response.headers["Location"] = f"/api/v1/visits/{made.id}"
    return response


@blueprint.get("/<visit>", {200: VisitOut})
def get_visit(path: VisitPath) -> Response:
    """Get one visit."""
    with reading() as work:
        return answer(_shown(work, actions.get(work, path.visit)))


@blueprint.patch("/<visit>", {200: VisitOut})
def change_visit(path: VisitPath, body: VisitChange) -> Response:
    """Change a visit; its visitors get a mail with what is new, and new credentials where they need them."""
    with begin() as work:
        changed = _shown(work, actions.change(work, path.visit, body))
    return answer(changed)


@blueprint.post("/<visit>/cancel", {200: VisitOut})
def cancel_visit(path: VisitPath, body: WhyNot) -> Response:
    """Cancel a visit: its visitors are told, and their credentials end."""
    with begin() as work:
        cancelled = _shown(work, actions.cancel(work, path.visit, body.reason))
    return answer(cancelled)


@blueprint.post("/<visit>/approve", {200: VisitOut})
def approve_visit(path: VisitPath) -> Response:
    """Approve a visit that waits for it: its visitors are invited."""
    with begin() as work:
        approved = _shown(work, actions.approve(work, path.visit))
    return answer(approved)


@blueprint.post("/<visit>/decline", {200: VisitOut})
def decline_visit(path: VisitPath, body: WhyNot) -> Response:
    """Decline a visit that waits for approval: its host is told."""
    with begin() as work:
        declined = _shown(work, actions.decline(work, path.visit, body.reason))
    return answer(declined)


@blueprint.post("/<visit>/visitors", {201: VisitOut})
def add_visitors(path: VisitPath, body: NewVisitors) -> Response:
    """Invite more people to a visit."""
    with begin() as work:
        changed = _shown(work, actions.add_visitors(work, path.visit, body.visitors))
    return answer(changed, 201)


@blueprint.patch("/<visit>/visitors/<visitor>", {200: VisitOut})
def change_visitor(path: VisitorPath, body: VisitorChange) -> Response:
    """Change somebody invited. With another address they become another visitor, with an id of their own."""
    with begin() as work:
        changed = _shown(work, actions.change_visitor(work, path.visit, path.visitor, body))
    return answer(changed)


@blueprint.delete("/<visit>/visitors/<visitor>", {204: None})
def remove_visitor(path: VisitorPath) -> Response:
    """Take back an invitation: the visitor is told, and the credential ends."""
    with begin() as work:
        actions.remove_visitor(work, path.visit, path.visitor)
    return no_content()


@blueprint.post("/<visit>/visitors/<visitor>/link", {204: None})
def replace_link(path: VisitorPath) -> Response:
    """Mail a visitor a new link and credential; the old ones count no more."""
    with begin() as work:
        actions.replace_link(work, path.visit, path.visitor)
    return no_content()


@blueprint.post("/<visit>/visitors/<visitor>/mail", {204: None})
def mail_again(path: VisitorPath) -> Response:
    """Mail a visitor once more how their visit stands, with their link and credential."""
    with begin() as work:
        actions.mail_again(work, path.visit, path.visitor)
    return no_content()
