"""Entrances as JSON: posters and their papers, screens, walk-ins, and who waits to be let in."""

from datetime import datetime

from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from access_protocol.ids import SiteCode
from server.arrivals import check_in, kiosks, poster_sheets, posters, walk_ins
from server.arrivals.check_in import Asked
from server.arrivals.kiosks import NewKiosk
from server.arrivals.models import EntryApproval, Kiosk, Poster, WalkIn
from server.arrivals.poster_sheets import Size
from server.arrivals.posters import NewPoster
from server.arrivals.walk_ins import WalkInApproval, WalkInRefusal
from server.kernel.blueprint import ApiBlueprint
from server.kernel.ids import ApprovalId, KioskId, PosterId, WalkInId
from server.kernel.request import answer, begin, no_content, reading
from server.kernel.work import Work

blueprint = ApiBlueprint(
    "Entrances", "Posters, screens, and who waits at an entrance for a yes.", "/arrivals"
)

_OUT = ConfigDict(from_attributes=True)
_ID = "^[0-9a-f]{32}$"
_SITE = "^[A-Z]{1,3}$"


class AtSite(BaseModel):
    """A site."""

    site: str = Field(pattern=_SITE)


class SiteWanted(BaseModel):
    """Of one site only."""

    site: str | None = Field(default=None, pattern=_SITE)

    @property
    def code(self) -> SiteCode | None:
        """The site's code, as the actions want it."""
        return SiteCode(self.site) if self.site else None


class PosterPath(BaseModel):
    """A poster."""

    poster: str = Field(pattern=_ID)


class SheetQuery(BaseModel):
    """The paper that is wanted."""

    size: Size = Size.A4


class KioskPath(BaseModel):
    """A screen."""

    kiosk: str = Field(pattern=_ID)


class WalkInPath(BaseModel):
    """A walk-in."""

    walk_in: str = Field(pattern=_ID)


class ApprovalPath(BaseModel):
    """Somebody who asked to be let in."""

    approval: str = Field(pattern=_ID)


class PosterOut(BaseModel):
    """A poster that hangs, or hung."""

    model_config = _OUT

    id: str
    site: str
    portal: str
    access_point: str | None = Field(description="What it opens; null at a machine.")
    code: str
    address: str = Field(description="What its QR says.")
    check_number: str = Field(description="On the paper and on the page: the two must be equal.")
    note: str
    made_at: datetime
    ended_at: datetime | None
    scans: int
    scanned_at: datetime | None


class PosterList(BaseModel):
    """Posters that hang."""

    items: list[PosterOut]


class KioskOut(BaseModel):
    """A screen."""

    model_config = _OUT

    id: str
    site: str
    access_point: str
    name: str
    made_at: datetime
    seen_at: datetime | None


class NewKioskOut(KioskOut):
    """A screen that was just set up."""

    address: str = Field(
        description="What the screen opens. It holds a secret and is told this once."
    )


class KioskList(BaseModel):
    """Screens that count."""

    items: list[KioskOut]


class WalkInOut(BaseModel):
    """Somebody without an invitation."""

    model_config = _OUT

    id: str
    site: str
    name: str
    company: str
    whom: str = Field(description="Whom they want to see, in their own words.")
    host: str | None = Field(description="Whom that names for certain.")
    purpose: str
    language: str
    asked_at: datetime
    answer: str
    visitor: str | None = Field(description="What an approval made of them.")


class WalkInList(BaseModel):
    """Walk-ins who wait for the caller's answer, longest waiting first."""

    items: list[WalkInOut]


class EntryOut(BaseModel):
    """What became of a wish to be let in."""

    model_config = _OUT

    id: str
    site: str
    access_point: str
    visitor: str
    visit: str
    asked_at: datetime
    answer: str


class WaitingOut(EntryOut):
    """An invited visitor who stands at an entrance."""

    name: str
    company: str

    @classmethod
    def of(cls, asked: Asked) -> "WaitingOut":
        """Put together what was asked and who asks."""
        entry = EntryOut.model_validate(asked.approval).model_dump()
        return cls(**entry, name=asked.visitor.name, company=asked.visitor.company)


class WaitingList(BaseModel):
    """Invited visitors who wait for the caller's answer."""

    items: list[WaitingOut]


@blueprint.get("/posters", {200: PosterList})
def list_posters(query: SiteWanted) -> Response:
    """List the posters that hang."""
    with reading() as work:
        found = posters.list_posters(work, query.code)
        return answer(PosterList(items=[_poster(work, each) for each in found]))


@blueprint.post("/sites/<site>/posters", {201: PosterOut})
def put_up_poster(path: AtSite, body: NewPoster) -> Response:
    """Make a poster for a door or machine."""
    with begin() as work:
        return answer(_poster(work, posters.put_up(work, SiteCode(path.site), body)), 201)


@blueprint.post("/posters/<poster>/replacement", {201: PosterOut})
def replace_poster(path: PosterPath) -> Response:
    """Make a new poster for the same place; the old one counts no more."""
    with begin() as work:
        return answer(_poster(work, posters.replace(work, PosterId(path.poster))), 201)


@blueprint.delete("/posters/<poster>", {204: None})
def take_down_poster(path: PosterPath) -> Response:
    """Let a poster count no more."""
    with begin() as work:
        posters.take_down(work, PosterId(path.poster))
    return no_content()


@blueprint.get("/posters/<poster>/sheet", {200: "application/pdf"})
def poster_sheet(path: PosterPath, query: SheetQuery) -> Response:
    """Return the paper to be printed, one page of PDF in the site's languages."""
    with reading() as work:
        found = posters.get(work, PosterId(path.poster))
        return Response(poster_sheets.pdf(work, found, query.size), mimetype="application/pdf")


@blueprint.get("/kiosks", {200: KioskList})
def list_kiosks() -> Response:
    """List the screens."""
    with reading() as work:
        return answer(KioskList(items=[_kiosk(each) for each in kiosks.list_kiosks(work)]))


@blueprint.post("/sites/<site>/kiosks", {201: NewKioskOut})
def pair_kiosk(path: AtSite, body: NewKiosk) -> Response:
    """Set up a screen beside a poster."""
    with begin() as work:
        made, address = kiosks.pair(work, SiteCode(path.site), body)
        return answer(NewKioskOut(**_kiosk(made).model_dump(), address=address), 201)


@blueprint.delete("/kiosks/<kiosk>", {204: None})
def revoke_kiosk(path: KioskPath) -> Response:
    """Let a screen show nothing more."""
    with begin() as work:
        kiosks.revoke(work, KioskId(path.kiosk))
    return no_content()


@blueprint.get("/walk-ins", {200: WalkInList})
def list_walk_ins(query: SiteWanted) -> Response:
    """List who waits without an invitation: guards see all, hosts those who named them."""
    with reading() as work:
        found = walk_ins.list_waiting(work, query.code)
        return answer(WalkInList(items=[_walk_in(each) for each in found]))


@blueprint.post("/walk-ins/<walk_in>/approval", {200: WalkInOut})
def approve_walk_in(path: WalkInPath, body: WalkInApproval) -> Response:
    """Let a walk-in in: a visit is made, from now on."""
    with begin() as work:
        walk_ins.approve(work, WalkInId(path.walk_in), body)
        return answer(_walk_in(work.session.get_one(WalkIn, WalkInId(path.walk_in))))


@blueprint.post("/walk-ins/<walk_in>/refusal", {200: WalkInOut})
def refuse_walk_in(path: WalkInPath, body: WalkInRefusal) -> Response:
    """Do not let a walk-in in; the reason is not told them."""
    with begin() as work:
        return answer(_walk_in(walk_ins.refuse(work, WalkInId(path.walk_in), body)))


@blueprint.get("/approvals", {200: WaitingList})
def list_approvals(query: SiteWanted) -> Response:
    """List the invited visitors who stand at an entrance and ask to be let in."""
    with reading() as work:
        found = check_in.list_asked(work, query.code)
        return answer(WaitingList(items=[WaitingOut.of(each) for each in found]))


@blueprint.post("/approvals/<approval>/approval", {200: EntryOut})
def approve_entry(path: ApprovalPath) -> Response:
    """Say yes: within five minutes the visitor's phone opens that door once."""
    with begin() as work:
        return answer(_entry(check_in.approve_entry(work, ApprovalId(path.approval))))


@blueprint.post("/approvals/<approval>/refusal", {200: EntryOut})
def refuse_entry(path: ApprovalPath) -> Response:
    """Say no."""
    with begin() as work:
        return answer(_entry(check_in.refuse_entry(work, ApprovalId(path.approval))))


def _poster(work: Work, poster: Poster) -> PosterOut:
    known = {name: getattr(poster, name) for name in PosterOut.model_fields if name != "address"}
    return PosterOut(**known, address=posters.address(work, poster))


def _kiosk(kiosk: Kiosk) -> KioskOut:
    return KioskOut.model_validate(kiosk)


def _walk_in(walk_in: WalkIn) -> WalkInOut:
    return WalkInOut.model_validate(walk_in)


def _entry(approval: EntryApproval) -> EntryOut:
    return EntryOut.model_validate(approval)
