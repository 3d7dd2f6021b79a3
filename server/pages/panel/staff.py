"""People of the house on the panel: what their passes open, blocking one, and handing over when somebody leaves."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.arrivals import models as arrivals
from server.conversations import models as conversations
from server.credentials import actions as credentials
from server.credentials.actions import StaffPass
from server.kernel.errors import GenkanError, Invalid
from server.kernel.ids import PersonId
from server.kernel.pagination import MOST, PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.notifications import models as notifications
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.people import actions
from server.people import models as people
from server.people.models import Person
from server.places import models as places
from server.visits import models as visit_models
from server.visits.actions import visits_to_come
from server.web.formats import local, span
from server.web.forms import Form, sent_cursor
from server.web.languages import gettext

SHOWN = 8
"""So many of the visits that will move are named; the rest are counted."""


class Line(NamedTuple):
    """One person in the list."""

    name: str
    email: str
    roles: str
    state: Badge | None
    url: str


class PassCard(NamedTuple):
    """One person's pass at one site."""

    site: str
    name: str
    state: Badge
    until: str
    zones: Sequence[tuple[int, str]]
    chosen: Sequence[str]
    own: bool
    carries: bool
    blocked: bool


class Moving(NamedTuple):
    """What a successor will have."""

    visits: Sequence[tuple[str, str]]
    more: int
    walk_ins: int
    notices: int
    conversations: int

    @property
    def is_nothing(self) -> bool:
        """Whether the account can be closed without a successor."""
        return not (self.visits or self.walk_ins or self.notices or self.conversations)


@blueprint.get("/people")
def staff() -> str:
    """List the accounts."""
    with reading() as work:
        page = actions.list_people(work, PageQuery(cursor=sent_cursor()))
        lines = [
            Line(each.name, each.email, _roles(work, each.id), _state(each), _url(each.id))
            for each in page.items
        ]
        more = url_for("panel.staff", cursor=page.next_cursor) if page.next_cursor else ""
        may_manage = work.principal.may(Right.PEOPLE_MANAGE)
        return render_template(
            "panel/staff.html", people=lines, next_url=more, may_manage=may_manage
        )


@blueprint.get("/people/<person>")
def staff_person(person: str) -> str:
    """Show one person with their passes."""
    return _shown(PersonId(person), Form())


@blueprint.post("/people/<person>/zones/<site>")
def staff_zones(person: str, site: str) -> AnyResponse:
    """Set what a person's pass opens at a site."""
    form, who = Form.sent(), PersonId(person)
    try:
        zones = None if form.value("whose") == "site" else [int(n) for n in form.every("zones")]
        with begin() as work:
            credentials.allow(work, who, SiteCode(site), zones)
    except ValueError:
        form.refuse("zones", gettext("Please choose among the zones."))
    except GenkanError as error:
        form.take(error)
    return _done(who, form, gettext("Saved. What their phone holds follows at once."))


@blueprint.post("/people/<person>/block/<site>")
def block_pass(person: str, site: str) -> AnyResponse:
    """Take a person's pass back."""
    form, who = Form.sent(), PersonId(person)
    try:
        with begin() as work:
            credentials.block(work, who, SiteCode(site))
    except GenkanError as error:
        form.take(error)
    return _done(who, form, gettext("Blocked. The gates hear of it within seconds."))


@blueprint.post("/people/<person>/unblock/<site>")
def unblock_pass(person: str, site: str) -> AnyResponse:
    """Let a person carry a pass again."""
    form, who = Form.sent(), PersonId(person)
    try:
        with begin() as work:
            credentials.unblock(work, who, SiteCode(site))
    except GenkanError as error:
        form.take(error)
    return _done(who, form, gettext("Lifted. Their phone gets the pass when its page is opened."))


@blueprint.route("/people/<person>/leave", methods=["GET", "POST"])
def leave(person: str) -> AnyResponse:
    """Show what moves, ask to whom, and close the account."""
    form, who = Form.sent(), PersonId(person)
    if request.method == "POST":
        try:
            with begin() as work:
                moving = _moving(work, who)
                chosen = form.value("successor")
                if not chosen and not moving.is_nothing:
                    form.need("successor")
                else:
                    actions.deactivate(work, who, PersonId(chosen[:32]) if chosen else None)
        except ValidationError as error:
            form.take_validation(error)
        except GenkanError as error:
            form.take(error, ("successor",))
        if not form.has_errors:
            flash(gettext("The account is closed, and everything was handed over."), "good")
            return redirect(_url(who), 303)
    with reading() as work:
        require(work.principal, Right.PEOPLE_MANAGE)
        found = actions.find_person(work, who)
        text = render_template(
            "panel/leave.html",
            form=form,
            name=found.name,
            back=_url(who),
            moving=_moving(work, who),
            successors=_successors(work, who),
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def _done(person: PersonId, form: Form, word: str) -> AnyResponse:
    if form.has_errors:
        return Response(_shown(person, form), Invalid.status, mimetype="text/html")
    flash(word, "good")
    return redirect(_url(person), 303)


def _shown(person: PersonId, form: Form) -> str:
    with reading() as work:
        found = actions.find_person(work, person)
        names = Names(work)
        return render_template(
            "panel/staff_person.html",
            form=form,
            person=found,
            roles=_roles(work, found.id),
            state=_state(found),
            deputy=names.person(found.deputy),
            passes=[_card(work, names, each) for each in credentials.passes(work, person)],
            may_manage=work.principal.may(Right.PEOPLE_MANAGE),
            may_block=work.principal.may(Right.CREDENTIALS_MANAGE),
        )


def _card(work: Work, names: Names, found: StaffPass) -> PassCard:
    zones = [
        (each.number, names.zone(found.site, each.number))
        for each in places.all_zones(work.session, found.site)
    ]
    return PassCard(
        site=found.site,
        name=names.site(found.site),
        state=_pass_state(found),
        until=local(found.issue.expires, "both") if found.issue else "",
        zones=zones,
        chosen=[str(number) for number in found.zones],
        own=found.own_zones,
        carries=found.held is not None,
        blocked=found.blocked,
    )


def _pass_state(found: StaffPass) -> Badge:
    if found.blocked:
        return Badge("bad", "revoke", gettext("Blocked by security"))
    if found.issue is not None:
        return Badge("good", "phone", gettext("On their phone"))
    return Badge("", "key", gettext("Not on a phone now"))


def _moving(work: Work, person: PersonId) -> Moving:
    coming = visits_to_come(work.session, person, work.now)
    guests = visit_models.visitors_by_visit(work.session, [each.id for each in coming[:SHOWN]])
    lines = [
        (
            f"{local(each.starts_at, 'day')}, {span(each.starts_at, each.ends_at)}",
            ", ".join(guest.name for guest in guests.get(each.id, [])) or each.title,
        )
        for each in coming[:SHOWN]
    ]
    return Moving(
        lines,
        len(coming) - len(lines),
        len(arrivals.walk_ins_for(work.session, person)),
        len(notifications.open_of(work.session, person, work.now)),
        len(conversations.with_person(work.session, person)),
    )


def _successors(work: Work, person: PersonId) -> list[tuple[str, str]]:
    query = PageQuery(limit=MOST, cursor=None)
    active = actions.list_people(work, query, active=True).items
    return [
        (each.id, each.name)
        for each in active
        if each.id != person and actions.may_succeed(work, each.id)
    ]


def _roles(work: Work, person: PersonId) -> str:
    return states.roles(people.roles_of(work.session, person))


def _state(person: Person) -> Badge | None:
    return None if person.active else Badge("", "cancelled", gettext("Account closed"))


def _url(person: PersonId) -> str:
    return url_for("panel.staff_person", person=person)
