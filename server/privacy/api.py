"""Retention as JSON: how long a site keeps what, and what a run would delete now."""

from flask import Response
from pydantic import BaseModel, Field

from access_protocol.ids import SiteCode
from server.kernel.blueprint import ApiBlueprint
from server.kernel.principal import Right, require
from server.kernel.request import answer, begin, reading
from server.privacy import actions
from server.privacy.actions import Kept, RetentionInput, RetentionLine

blueprint = ApiBlueprint("Retention", "How long what is kept of visitors, and what goes next.")


class SitePath(BaseModel):
    """Names a site."""

    site: SiteCode = Field(pattern="^[A-Z]{1,3}$")


class RetentionOut(BaseModel):
    """After how many days each kind of data goes."""

    days: dict[Kept, int]


class PreviewLine(BaseModel):
    """How much of one kind would go."""

    kind: Kept
    site: SiteCode | None = Field(description="null: what belongs to no site.")
    days: int
    count: int

    @classmethod
    def of(cls, found: RetentionLine) -> "PreviewLine":
        """Show a line."""
        return cls(kind=found.kind, site=found.site, days=found.days, count=found.count)


class PreviewOut(BaseModel):
    """What a run would delete now."""

    items: list[PreviewLine]


@blueprint.get("/sites/<site>/retention", {200: RetentionOut})
def get_retention(path: SitePath) -> Response:
    """Get how long a site keeps what."""
    with reading() as work:
        require(work.principal, Right.PLACES_READ, path.site)
        return answer(RetentionOut(days=actions.policy(work, path.site)))


@blueprint.put("/sites/<site>/retention", {200: RetentionOut})
def set_retention(path: SitePath, body: RetentionInput) -> Response:
    """Decide how long a site keeps what; what is left out stays as it is."""
    with begin() as work:
        days = actions.change_policy(work, path.site, body)
    return answer(RetentionOut(days=days))


@blueprint.get("/retention/preview", {200: PreviewOut})
def preview_retention() -> Response:
    """Count what a run would delete now, and delete nothing."""
    with reading() as work:
        found = actions.preview(work)
        return answer(PreviewOut(items=[PreviewLine.of(each) for each in found]))
