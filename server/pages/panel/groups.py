"""Groups: who looks after something together, for example what visitors say afterwards."""

from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.kernel.errors import GenkanError, Invalid
from server.kernel.ids import GroupId
from server.kernel.pagination import PageQuery
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint
from server.people import actions, models
from server.people.actions import GroupInput
from server.places.models import all_sites
from server.web.forms import Form
from server.web.languages import gettext

MOST_PEOPLE = 200


class GroupLine(NamedTuple):
    """One group in the list."""

    name: str
    detail: str
    url: str


@blueprint.get("/groups")
def groups() -> str:
    """List the groups of every site."""
    with reading() as work:
        names = Names(work)
        found = actions.list_groups(work)
        lines = [
            GroupLine(
                each.name,
                " · ".join(
                    filter(
                        None,
                        (
                            names.site(each.site),
                            ", ".join(p.name for p in models.members_of(work.session, each.id)),
                            each.email,
                        ),
                    )
                ),
                url_for("panel.change_group", group_id=each.id),
            )
            for each in found
        ]
        sites = [(each.code, names.site(each.code)) for each in all_sites(work.session)]
        return render_template("panel/groups.html", groups=lines, sites=sites)


@blueprint.route("/groups/new/<site>", methods=["GET", "POST"])
def new_group(site: str) -> AnyResponse:
    """Make a group."""
    return _edit(SiteCode(site), None)


@blueprint.route("/groups/<group_id>", methods=["GET", "POST"])
def change_group(group_id: str) -> AnyResponse:
    """Change a group, or remove it."""
    if request.method == "POST" and request.form.get("remove"):
        with begin() as work:
            actions.remove_group(work, GroupId(group_id))
        flash(gettext("The group is removed."), "good")
        return redirect(url_for("panel.groups"), 303)
    with reading() as work:
        site = actions.find_group(work, GroupId(group_id)).site
    return _edit(site, GroupId(group_id))


def _edit(site: SiteCode, group: GroupId | None) -> AnyResponse:
    form = Form.sent()
    if request.method == "POST":
        try:
            wanted = GroupInput.model_validate(
                {
                    "name": form.value("name"),
                    "email": form.value("email") or None,
                    "members": form.every("members"),
                }
            )
            with begin() as work:
                if group is None:
                    actions.create_group(work, site, wanted)
                else:
                    actions.change_group(work, group, wanted)
        except ValidationError as error:
            form.take_validation(error, ("members",))
        except GenkanError as error:
            form.take(error, (*form.values, "members"))
        else:
            flash(gettext("Saved."), "good")
            return redirect(url_for("panel.groups"), 303)
    with reading() as work:
        require(work.principal, Right.PEOPLE_MANAGE, site)
        return _form(work, form, site, group)


def _form(work: Work, form: Form, site: SiteCode, group: GroupId | None) -> Response:
    chosen = form.every("members")
    if group is not None and request.method == "GET":
        found = actions.find_group(work, group)
        form.values = {"name": found.name, "email": found.email}
        chosen = [each.id for each in models.members_of(work.session, group)]
    people = models.people(work.session, PageQuery(limit=MOST_PEOPLE), active=True).items
    text = render_template(
        "panel/group.html",
        form=form,
        is_new=group is None,
        site=Names(work).site(site),
        people=[(each.id, each.name) for each in people],
        chosen=chosen,
    )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")
