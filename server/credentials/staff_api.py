"""Staff passes as JSON: the zones that people of the house may enter, and taking a pass back."""

from datetime import datetime

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from access_protocol.credential import MOST_ZONES
from access_protocol.ids import SiteCode
from server.credentials import actions
from server.credentials.actions import StaffPass
from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import PersonId
from server.kernel.request import answer, begin, reading

blueprint = ApiBlueprint(
    "Staff passes", "What people of the house carry, and which zones it opens."
)


class PersonPath(BaseModel):
    """Names a person."""

    person: PersonId = Field(pattern="^[0-9a-f]{32}$")


class PassPath(PersonPath):
    """Names a person at a site."""

    site: SiteCode = Field(pattern="^[A-Z]{1,3}$")


class StaffPassOut(BaseModel):
    """How a person's pass stands at a site."""

    person: PersonId
    site: SiteCode
    zones: list[int]
    own_zones: bool = Field(description="Set for this person; otherwise the site's own for staff.")
    blocked: bool = Field(description="Security took it back until that is lifted.")
    expires: datetime | None = Field(description="null: no phone carries it now.")

    @classmethod
    def of(cls, found: StaffPass) -> "StaffPassOut":
        """Show a pass."""
        return cls(
            person=found.person,
            site=found.site,
            zones=list(found.zones),
            own_zones=found.own_zones,
            blocked=found.blocked,
            expires=found.issue.expires if found.issue else None,
        )


class StaffPassList(BaseModel):
    """A person's passes at all sites."""

    items: list[StaffPassOut]


class ZonesInput(BaseModel):
    """Which zones somebody may enter."""

    model_config = ConfigDict(extra="forbid")

    zones: list[int] | None = Field(
        max_length=MOST_ZONES, description="null: those that the site opens to all staff."
    )


@blueprint.get("/people/<person>/passes", {200: StaffPassList})
def list_passes(path: PersonPath) -> Response:
    """List a person's passes, by the sites' codes."""
    with reading() as work:
        found = actions.passes(work, path.person)
        return answer(StaffPassList(items=[StaffPassOut.of(each) for each in found]))


@blueprint.put("/people/<person>/passes/<site>", {200: StaffPassOut})
def set_zones(path: PassPath, body: ZonesInput) -> Response:
    """Set the zones that a person may enter at a site; what their phone holds is signed again at once."""
    with begin() as work:
        changed = StaffPassOut.of(actions.allow(work, path.person, path.site, body.zones))
    return answer(changed)


@blueprint.post("/people/<person>/passes/<site>/block", {200: StaffPassOut})
def block_pass(path: PassPath) -> Response:
    """Take a person's pass back; the gates hear of it within seconds."""
    with begin() as work:
        actions.block(work, path.person, path.site)
        changed = StaffPassOut.of(actions.standing(work, path.person, path.site))
    return answer(changed)


@blueprint.post("/people/<person>/passes/<site>/unblock", {200: StaffPassOut})
def unblock_pass(path: PassPath) -> Response:
    """Let a person carry a pass again."""
    with begin() as work:
        actions.unblock(work, path.person, path.site)
        changed = StaffPassOut.of(actions.standing(work, path.person, path.site))
    return answer(changed)
