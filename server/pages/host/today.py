"""The host's day: who needs them first, and where each of their visitors is, kept up to date by itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.arrivals import actions as arrivals
from server.kernel.ids import NoticeId, VisitId, VisitorId
from server.kernel.pagination import Page, PageQuery
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.notifications import actions as notifications
from server.notifications.actions import NoticeKind
from server.pages import states, whereabouts
from server.pages.host import blueprint
from server.pages.names import Names
from server.pages.panel.visits import badge, names_of
from server.pages.states import Badge
from server.pages.whereabouts import Stage, Whereabouts
from server.visits import actions, models
from server.visits.models import Visit, Visitor, VisitState
from server.web.formats import ago, from_local, local, local_date
from server.web.forms import sent_cursor
from server.web.languages import current, gettext
from server.web.routes import local_path

MOST_A_DAY = 50
A_PAGE = 20
AT_THE_DOOR = frozenset({Stage.NEAR, Stage.ARRIVED})
"""They wait for their host, or will in a minute."""
MOST_NEWS = 30
NEWS = {
    NoticeKind.CHANGE_WISHED: "clock",
    NoticeKind.COMPANIONS: "people",
    NoticeKind.DECLINED: "cancelled",
    NoticeKind.NO_SHOW: "cancelled",
    NoticeKind.MESSAGE: "message",
    NoticeKind.CALL: "call",
    NoticeKind.COMMENT: "message",
    NoticeKind.LOW_SCORE: "alarm",
    NoticeKind.PHONE_MOVED: "phone",
}
"""What a host was told and has not looked at yet; where somebody is stands beside their name anyway."""


class Guest(NamedTuple):
    """One visitor and where they are."""

    key: str
    name: str
    company: str
    stage: Badge
    since: str
    expected: str
    """When they will be there, where that is known."""


class Card(NamedTuple):
    """One visit of the day."""

    url: str
    title: str
    where: str
    starts_at: datetime
    ends_at: datetime
    state: Badge
    guests: list[Guest]


class First(NamedTuple):
    """Something that wants the host before everything else."""

    key: str
    icon: str
    tone: str
    what: str
    detail: str
    url: str
    answers: VisitId | None = None
    """The visit whose visitors can be answered with one tap."""


@blueprint.get("/")
def today() -> str:
    """Show the day; asked for by the open page, only what changes in it."""
    with reading() as work:
        found = _of_today(work)
        guests = models.visitors_by_visit(work.session, [each.id for each in found])
        where = whereabouts.of_visits(work, found, guests)
        fragment = "HX-Request" in request.headers
        return render_template(
            "host/today_now.html" if fragment else "host/today.html",
            firsts=_firsts(work, found, guests, where),
            visits=[_card(work, each, guests.get(each.id, []), where) for each in found],
            date=work.now,
        )


@blueprint.get("/visits")
def visits() -> str:
    """List one's own visits: those to come, or those past."""
    past = request.args.get("when") == "past"
    with reading() as work:
        page = _own(work, past=past)
        guests = models.visitors_by_visit(work.session, [each.id for each in page.items])
        where = whereabouts.of_visits(work, page.items, guests)
        more = page.next_cursor
        return render_template(
            "host/visits.html",
            visits=[_card(work, each, guests.get(each.id, []), where) for each in page.items],
            past=past,
            next_url=url_for("host.visits", when=request.args.get("when"), cursor=more)
            if more
            else "",
        )


def guest_line(names: Names, now: datetime, guest: Visitor, it: Whereabouts, visit: Visit) -> Guest:
    """Return a visitor with where they are, as every list of the host's page shows it."""
    stage = states.stage(it.stage)
    place = names.access_point(visit.site, it.access_point).partition(" → ")[0]
    since = "" if it.stage is Stage.INVITED else _since(it.since, now)
    return Guest(
        key=f"{guest.id}-{it.stage}-{it.since.timestamp():.0f}",
        name=guest.name,
        company=guest.company,
        stage=stage,
        since=" · ".join(part for part in (since, place) if part),
        expected=gettext("expected at %(time)s", time=local(it.expected)) if it.expected else "",
    )


def _firsts(
    work: Work,
    found: Sequence[Visit],
    guests: Mapping[VisitId, Sequence[Visitor]],
    where: Mapping[VisitorId, Whereabouts],
) -> list[First]:
    return [*_approvals(work), *_at_the_door(work, found, guests, where), *_news(work)]


def _approvals(work: Work) -> list[First]:
    names, url = Names(work), url_for("host.approvals")
    asked = [
        First(
            key=each.approval.id,
            icon="door-open",
            tone="waiting",
            what=gettext("%(name)s asks to be let in", name=each.visitor.name),
            detail=names.access_point(each.approval.site, each.approval.access_point),
            url=url,
        )
        for each in arrivals.list_asked(work)
    ]
    strangers = [
        First(
            key=each.id,
            icon="person",
            tone="waiting",
            what=gettext("%(name)s is here without an invitation", name=each.name),
            detail=" · ".join(part for part in (each.company, each.purpose) if part),
            url=url,
        )
        for each in arrivals.list_walk_ins(work)
    ]
    return asked + strangers


def _at_the_door(
    work: Work,
    found: Sequence[Visit],
    guests: Mapping[VisitId, Sequence[Visitor]],
    where: Mapping[VisitorId, Whereabouts],
) -> list[First]:
    """Return the visits whose visitors stand at the entrance, or will soon, and were not answered since."""
    waiting: list[First] = []
    for visit in found:
        here = [each for each in guests.get(visit.id, ()) if where[each.id].stage in AT_THE_DOOR]
        if not here or visit.state is not VisitState.CONFIRMED or work.now >= visit.ends_at:
            continue
        said = arrivals.answers_in(work, visit.id)
        since = max(where[each.id].since for each in here)
        if said and said[-1].at >= since:
            continue
        arrived = any(where[each.id].stage is Stage.ARRIVED for each in here)
        what = gettext("%(names)s: at the entrance") if arrived else gettext("%(names)s: nearby")
        waiting.append(
            First(
                key=f"{visit.id}-{since.timestamp():.0f}",
                icon="place",
                tone="waiting",
                what=what % {"names": names_of(here)},
                detail=_since(since, work.now),
                url=url_for("host.visit", visit_id=visit.id),
                answers=visit.id,
            )
        )
    return waiting


def _news(work: Work) -> list[First]:
    """Return what this person was told and has not opened yet."""
    if work.principal.person is None:
        return []
    told = notifications.notices_of(work, work.principal.person, PageQuery(limit=MOST_NEWS)).items
    news: list[First] = []
    for each in told:
        if each.reacted_at is None and each.kind in NEWS:
            worded = notifications.word(each.kind, Language(current()), each.details)
            news.append(
                First(
                    key=each.id,
                    icon=NEWS[each.kind],
                    tone="waiting",
                    what=worded.title,
                    detail=worded.body or ago(each.created_at, work.now),
                    url=url_for("host.notice", notice_id=each.id),
                )
            )
    return news


@blueprint.get("/notices/<notice_id>")
def notice(notice_id: str) -> AnyResponse:
    """Go where a notice leads, and note that it was looked at."""
    with begin() as work:
        found = notifications.find_notice(work, NoticeId(notice_id))
        notifications.reacted(work, found.id)
        return redirect(local_path(found.path), 303)


def _since(moment: datetime, now: datetime) -> str:
    return gettext("since %(time)s, %(ago)s", time=local(moment), ago=ago(moment, now))


def _of_today(work: Work) -> Sequence[Visit]:
    midnight = from_local(f"{local_date(work.now)}T00:00")
    wanted = models.VisitFilter(
        host=work.principal.person,
        ends_after=midnight,
        starts_before=midnight + timedelta(days=1),
    )
    found = actions.find(work, PageQuery(limit=MOST_A_DAY), wanted).items
    off = {VisitState.CANCELLED, VisitState.DECLINED}
    return [each for each in found if each.state not in off]


def _own(work: Work, *, past: bool) -> Page[Visit]:
    query = PageQuery(limit=A_PAGE, cursor=sent_cursor())
    mine = work.principal.person
    if past:
        wanted = models.VisitFilter(host=mine, starts_before=work.now, latest_first=True)
    else:
        wanted = models.VisitFilter(host=mine, ends_after=work.now)
    return actions.find(work, query, wanted)


def _card(
    work: Work,
    visit: Visit,
    guests: Sequence[Visitor],
    where: Mapping[VisitorId, Whereabouts],
) -> Card:
    names = Names(work)
    return Card(
        url=url_for("host.visit", visit_id=visit.id),
        title=visit.title,
        where=names.room(visit.room) or names.site(visit.site),
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        state=badge(visit, work.now),
        guests=[guest_line(names, work.now, each, where[each.id], visit) for each in guests],
    )
