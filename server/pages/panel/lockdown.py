"""Lockdown: stopping entry to a zone or a site, seeing which doors report it, and releasing it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from flask import Response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.events import Lock
from access_protocol.ids import SiteCode
from server.access import actions
from server.access import models as access
from server.access.actions import Lasting, NewLockdown, Reason, Told
from server.access.models import Lockdown
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.principal import Right, require
from server.kernel.request import begin, caller, reading
from server.kernel.work import Work
from server.pages import states
from server.pages.names import Names, chosen_place
from server.pages.panel import blueprint
from server.pages.states import Badge
from server.places import models as places
from server.web.forms import Form
from server.web.languages import gettext


class DoorLine(NamedTuple):
    """A door of a lockdown, by its controller's own word."""

    name: str
    state: Badge


class LockdownCard(NamedTuple):
    """A lockdown that lasts."""

    where: str
    since: datetime
    who: str
    reason: str
    doors: Sequence[DoorLine]
    missing: Sequence[str]
    release_url: str


@blueprint.get("/lockdown/banner")
def lockdown_banner() -> str:
    """Return the banner alone, for a page that is open."""
    return render_template("panel/lockdown_banner.html", lockdowns=lasting_lockdowns())


@blueprint.get("/lockdown/list")
def lockdown_list() -> str:
    """Return the lockdowns alone, for a page that is open."""
    with reading() as work:
        require(work.principal, Right.ACCESS_READ)
        return render_template("panel/lockdown_list.html", **_shown(work))


@blueprint.route("/lockdown", methods=["GET", "POST"])
def lockdown() -> AnyResponse:
    """Show what is locked down; ask where and why, and lock it down."""
    form = Form.sent()
    if request.method == "POST":
        form.need("reason")
        if not form.has_errors and _carried_out(form, lambda work: _lock_down(work, form)):
            return redirect(url_for("panel.lockdown"), 303)
    with reading() as work:
        require(work.principal, Right.ACCESS_READ)
        text = render_template(
            "panel/lockdown.html",
            form=form,
            places=_places(work),
            may=work.principal.may(Right.DOORS_LOCKDOWN),
            **_shown(work),
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


@blueprint.route("/lockdown/<lockdown_id>/release", methods=["GET", "POST"])
def release_lockdown(lockdown_id: str) -> AnyResponse:
    """Ask why, and release."""
    form = Form.sent()
    if request.method == "POST":
        form.need("reason")

        def release(work: Work) -> None:
            actions.release(work, lockdown_id, Reason(reason=form.value("reason")))

        if not form.has_errors and _carried_out(form, release):
            return redirect(url_for("panel.lockdown"), 303)
    with reading() as work:
        row = work.session.get(Lockdown, lockdown_id)
        if row is None:
            raise NotFound("There is no such lockdown.")
        require(work.principal, Right.DOORS_LOCKDOWN, row.site)
        where = _where(Names(work), row)
        text = render_template("panel/release.html", form=form, where=where)
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def lasting_lockdowns() -> list[LockdownCard]:
    """Return the lockdowns that last, for the banner of every page, to whoever sees doors."""
    if not caller().principal.may(Right.ACCESS_READ):
        return []
    with reading() as work:
        return _cards(work)


def _carried_out(form: Form, do: Callable[[Work], None]) -> bool:
    try:
        with begin() as work:
            do(work)
    except ValidationError as error:
        form.take_validation(error)
    except GenkanError as error:
        form.take(error)
    return not form.has_errors


def _lock_down(work: Work, form: Form) -> None:
    site, zone = chosen_place(form.value("place"))
    actions.lock_down(work, site, NewLockdown(reason=form.value("reason"), zone=zone))


def _places(work: Work) -> list[tuple[str, str]]:
    """Return every site and zone that is not locked down yet, as a person would choose it."""
    names, found = Names(work), list[tuple[str, str]]()
    taken = {(each.site, each.zone) for each in access.lockdowns(work.session)}
    for code, name in names.sites():
        site = SiteCode(code)
        if (site, None) not in taken:
            found.append((f"{site}:", gettext("The whole site: %(site)s", site=name)))
        found += [
            (f"{site}:{zone.number}", names.zone(site, zone.number))
            for zone in places.all_zones(work.session, site)
            if (site, zone.number) not in taken
        ]
    return found


def _shown(work: Work) -> dict[str, object]:
    names = Names(work)
    waiting = actions.unanswered_releases(work)
    return {"lockdowns": _cards(work), "releasing": [_door(names, each) for each in waiting]}


def _cards(work: Work) -> list[LockdownCard]:
    names = Names(work)
    return [_card(work, names, each) for each in actions.lasting(work)]


def _card(work: Work, names: Names, lasting: Lasting) -> LockdownCard:
    row = lasting.lockdown
    may = work.principal.may(Right.DOORS_LOCKDOWN, row.site)
    return LockdownCard(
        where=_where(names, row),
        since=row.began_at,
        who=names.person(row.began_by),
        reason=row.reason,
        doors=[_door(names, each, row.site) for each in lasting.told],
        missing=[_door(names, each, row.site).name for each in lasting.missing],
        release_url=url_for("panel.release_lockdown", lockdown_id=row.id) if may else "",
    )


def _door(names: Names, told: Told, site: SiteCode | None = None) -> DoorLine:
    lock = told.lock if told.lock is not None else "unknown"
    portal = names.portal_of(site, told.controller) if site is not None else ""
    state = states.lock(lock)
    if told.lock is Lock.LOCKED_DOWN:
        # Here it is as it should be; elsewhere it is what must strike the eye.
        state = state._replace(tone="")
    return DoorLine(portal or told.name, state)


def _where(names: Names, row: Lockdown) -> str:
    if row.zone is None:
        return gettext("The whole site: %(site)s", site=names.site(row.site))
    return names.zone(row.site, row.zone)
