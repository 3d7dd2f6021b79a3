"""Visits and their visitors as JSON."""

from zoneinfo import ZoneInfo

from flask import Response

from server.kernel.blueprint import ApiBlueprint
from server.kernel.errors import Invalid
from server.kernel.ids import SeriesId
from server.kernel.pagination import Page
from server.kernel.request import answer, answer_page, begin, no_content, reading
from server.kernel.work import Work
from server.visits import actions, guest_lists, models, place
from server.visits.models import Visit
from server.visits.rules import (
    NewTerms,
    NewVisit,
    VisitChange,
    VisitorChange,
    WelcomeInput,
)
from server.visits.schemas import (
    CompanionOut,
    CompanionPath,
    GuestListIn,
    GuestListOut,
    ListedGuest,
    NewVisitors,
    RepliesOut,
    SeriesOut,
    SeriesPath,
    SitePath,
    TermsList,
    TermsOut,
    TermsPath,
    Verdict,
    VisitorPath,
    VisitOut,
    VisitPage,
    VisitPath,
    VisitQuery,
    WhichDates,
    WhyNot,
    WishOut,
    WishPath,
    replies_out,
    terms_out,
)
from server.visits.series import DatesWanted, NewSeries, SeriesDates

blueprint = ApiBlueprint(
    "Visits", "Who comes, to whom, when and where; what visitors read and say."
)


def _shown(work: Work, visit: Visit) -> VisitOut:
    return VisitOut.of(visit, models.visitors_of(work.session, visit.id))


def _page(work: Work, page: Page[Visit]) -> Page[VisitOut]:
    guests = models.visitors_by_visit(work.session, [visit.id for visit in page.items])
    return page.map(lambda visit: VisitOut.of(visit, guests.get(visit.id, [])))


@blueprint.get("/visits", {200: VisitPage})
def list_visits(query: VisitQuery) -> Response:
    """List visits: hosts see their own, security all."""
    with reading() as work:
        return answer_page(_page(work, actions.find(work, query, query)))


@blueprint.post("/visits", {201: VisitOut})
def create_visit(body: NewVisit) -> Response:
    """Make a visit. Unless its site approves visits, everyone is invited by mail at once."""
    with begin() as work:
        made = _shown(work, actions.create(work, body))
    response = answer(made, 201)
    response.headers["Location"] = f"/api/v1/visits/{made.id}"
    return response


@blueprint.get("/visits/<visit>", {200: VisitOut})
def get_visit(path: VisitPath) -> Response:
    """Get one visit."""
    with reading() as work:
        return answer(_shown(work, actions.get(work, path.visit)))


@blueprint.patch("/visits/<visit>", {200: VisitOut})
def change_visit(path: VisitPath, body: VisitChange, query: WhichDates) -> Response:
    """Change a visit; its visitors get a mail with what is new, and new credentials where they need them."""
    with begin() as work:
        actions.change_dates(work, path.visit, body, query.scope)
        changed = _shown(work, actions.get(work, path.visit))
    return answer(changed)


@blueprint.post("/visits/<visit>/cancel", {200: VisitOut})
def cancel_visit(path: VisitPath, body: WhyNot, query: WhichDates) -> Response:
    """Cancel a visit: its visitors are told, and their credentials end."""
    with begin() as work:
        actions.cancel_dates(work, path.visit, body.reason, query.scope)
        cancelled = _shown(work, actions.get(work, path.visit))
    return answer(cancelled)


@blueprint.post("/visits/<visit>/approve", {200: VisitOut})
def approve_visit(path: VisitPath, query: WhichDates) -> Response:
    """Approve a visit that waits for it: its visitors are invited."""
    with begin() as work:
        actions.approve_dates(work, path.visit, query.scope)
        approved = _shown(work, actions.get(work, path.visit))
    return answer(approved)


@blueprint.post("/visits/<visit>/decline", {200: VisitOut})
def decline_visit(path: VisitPath, body: WhyNot, query: WhichDates) -> Response:
    """Decline a visit that waits for approval: its host is told."""
    with begin() as work:
        actions.decline_dates(work, path.visit, body.reason, query.scope)
        declined = _shown(work, actions.get(work, path.visit))
    return answer(declined)


@blueprint.post("/visits/<visit>/visitors", {201: VisitOut})
def add_visitors(path: VisitPath, body: NewVisitors) -> Response:
    """Invite more people to a visit."""
    with begin() as work:
        changed = _shown(work, actions.add_visitors(work, path.visit, body.visitors))
    return answer(changed, 201)


@blueprint.patch("/visits/<visit>/visitors/<visitor>", {200: VisitOut})
def change_visitor(path: VisitorPath, body: VisitorChange) -> Response:
    """Change somebody invited. With another address they become another visitor, with an id of their own."""
    with begin() as work:
        changed = _shown(work, actions.change_visitor(work, path.visit, path.visitor, body))
    return answer(changed)


@blueprint.delete("/visits/<visit>/visitors/<visitor>", {204: None})
def remove_visitor(path: VisitorPath) -> Response:
    """Take back an invitation: the visitor is told, and the credential ends."""
    with begin() as work:
        actions.remove_visitor(work, path.visit, path.visitor)
    return no_content()


@blueprint.post("/visits/<visit>/visitors/<visitor>/link", {204: None})
def replace_link(path: VisitorPath) -> Response:
    """Mail a visitor a new link and credential; the old ones count no more."""
    with begin() as work:
        actions.replace_link(work, path.visit, path.visitor)
    return no_content()


@blueprint.post("/visits/<visit>/visitors/<visitor>/mail", {204: None})
def mail_again(path: VisitorPath) -> Response:
    """Mail a visitor once more how their visit stands, with their link and credential."""
    with begin() as work:
        actions.mail_again(work, path.visit, path.visitor)
    return no_content()


@blueprint.get("/visits/<visit>/replies", {200: RepliesOut})
def get_replies(path: VisitPath) -> Response:
    """Get what the visitors of a visit said: what they agreed to, need, ask for, and whom they bring."""
    with reading() as work:
        visit = actions.get(work, path.visit)
        guests = models.visitors_of(work.session, visit.id)
        return answer(
            RepliesOut(
                visitors=[replies_out(work, guest) for guest in guests],
                wishes=[
                    WishOut.model_validate(each.model_dump())
                    for each in models.wishes_of(work.session, visit.id)
                ],
                companions=[
                    CompanionOut.model_validate(each.model_dump())
                    for each in models.companions_of(work.session, visit.id)
                ],
            )
        )


@blueprint.post("/visits/<visit>/wishes/<wish>/answer", {200: WishOut})
def answer_wish(path: WishPath, body: Verdict) -> Response:
    """Answer what a visitor asked for; an accepted other time becomes the visit's."""
    with begin() as work:
        found = actions.answer_wish(work, path.visit, path.wish, accept=body.accept)
        shown = WishOut.model_validate(found.model_dump())
    return answer(shown)


@blueprint.post("/visits/<visit>/companions/<companion>/answer", {200: CompanionOut})
def answer_companion(path: CompanionPath, body: Verdict) -> Response:
    """Say whether somebody may be brought; whoever may is invited."""
    with begin() as work:
        found = actions.answer_companion(work, path.visit, path.companion, accept=body.accept)
        shown = CompanionOut.model_validate(found.model_dump())
    return answer(shown)


@blueprint.post("/visits/<visit>/visitors/<visitor>/expect", {204: None})
def expect_again(path: VisitorPath) -> Response:
    """Expect a visitor after all who had declined: they are invited anew."""
    with begin() as work:
        actions.expect_again(work, path.visit, path.visitor)
    return no_content()


@blueprint.get("/sites/<site>/welcome", {200: WelcomeInput})
def get_welcome(path: SitePath) -> Response:
    """Get what a site tells its visitors, and what they may do by themselves."""
    with reading() as work:
        found = actions.welcome(work, path.site)
        return answer(WelcomeInput.model_validate(found.model_dump(exclude={"site"})))


@blueprint.put("/sites/<site>/welcome", {200: WelcomeInput})
def put_welcome(path: SitePath, body: WelcomeInput) -> Response:
    """Replace what a site tells its visitors."""
    with begin() as work:
        found = actions.change_welcome(work, path.site, body)
        shown = WelcomeInput.model_validate(found.model_dump(exclude={"site"}))
    return answer(shown)


@blueprint.get("/sites/<site>/documents", {200: TermsList})
def list_documents(path: SitePath) -> Response:
    """List the documents to which visitors agree, each in its newest version."""
    with reading() as work:
        actions.welcome(work, path.site)
        newest = models.newest_terms(work.session, path.site)
        return answer(TermsList(items=[terms_out(each) for each in newest.values()]))


@blueprint.put("/sites/<site>/documents/<kind>", {200: TermsOut})
def write_document(path: TermsPath, body: NewTerms) -> Response:
    """Write a new version of a document: everybody is asked to agree to it."""
    with begin() as work:
        made = terms_out(actions.write_terms(work, path.site, path.kind, body))
    return answer(made)


@blueprint.delete("/sites/<site>/documents/<kind>", {204: None})
def withdraw_document(path: TermsPath) -> Response:
    """Ask visitors for a document no more; what was agreed stays recorded."""
    with begin() as work:
        actions.withdraw_terms(work, path.site, path.kind)
    return no_content()


@blueprint.post("/series", {201: SeriesOut})
def create_series(body: NewSeries) -> Response:
    """Make a visit that repeats: each date is a visit of its own, and everyone gets one mail about all of them."""
    with begin() as work:
        made = actions.create_series(work, body)
        shown = _series(work, made[0].series or SeriesId(""))
    response = answer(shown, 201)
    response.headers["Location"] = f"/api/v1/series/{shown.id}"
    return response


@blueprint.post("/series/dates", {200: SeriesDates})
def preview_series(body: DatesWanted) -> Response:
    """Tell which dates a rule gives at the only site, or the first one, without making anything."""
    with reading() as work:
        zone = ZoneInfo(place.first_time_zone(work))
        items = actions.dates(body.starts_at, body.ends_at, body.repeat, zone)
    return answer(SeriesDates(items=items))


@blueprint.get("/series/<series>", {200: SeriesOut})
def get_series(path: SeriesPath) -> Response:
    """Get a series with all of its dates, also those cancelled."""
    with reading() as work:
        return answer(_series(work, path.series))


@blueprint.post("/visits/guest-list", {200: GuestListOut})
def read_guest_list(body: GuestListIn) -> Response:
    """Read a list of guests as somebody pasted or uploaded it; each line's problem is named, and nobody is invited."""
    if bool(body.text.strip()) == bool(body.file):
        raise Invalid([("text", "give a text or a file, one of the two")])
    try:
        text = body.text or guest_lists.decoded(body.file)
    except guest_lists.Unreadable as error:
        raise Invalid([("file", str(error))]) from error
    with reading() as work:
        actions.require_inviting(work)
    found = [
        ListedGuest.model_validate(
            {
                "line": each.line,
                "name": each.name,
                "email": each.email,
                "company": each.company,
                "problems": [{"field": name, "why": why} for name, why in each.problems],
            }
        )
        for each in guest_lists.read(text)
    ]
    return answer(GuestListOut(items=found))


def _series(work: Work, series_id: SeriesId) -> SeriesOut:
    series, visits = actions.series_of(work, series_id)
    guests = models.visitors_by_visit(work.session, [each.id for each in visits])
    return SeriesOut.model_validate(
        {
            "id": series.id,
            "time_zone": series.time_zone,
            "repeat": series.repeat,
            "visits": [VisitOut.of(each, guests.get(each.id, [])) for each in visits],
        }
    )
