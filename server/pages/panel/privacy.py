"""How long what is kept: each site's days, what a run would delete now, the latest runs, and how visits end."""

from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from server.kernel.errors import GenkanError, Invalid
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages.names import Names
from server.pages.panel import blueprint
from server.places.models import PortalKind, all_sites, portals_of
from server.privacy import actions, models
from server.privacy.actions import Kept, RetentionInput, RetentionLine
from server.visits import actions as visits
from server.visits.actions import LeavingInput
from server.web.forms import Form
from server.web.languages import gettext


class Line(NamedTuple):
    """How much of one kind would go now."""

    kind: str
    where: str
    days: int
    number: int


class Run(NamedTuple):
    """One run, and how much it deleted."""

    at: object
    by: str
    counts: str


@blueprint.get("/privacy")
def privacy() -> str:
    """Show what is kept for how long, and what a run would delete now."""
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE)
        names = Names(work)
        return render_template(
            "panel/privacy.html",
            lines=[_line(names, each) for each in actions.preview(work)],
            runs=[_run(each) for each in models.latest_runs(work.session)],
            sites=[
                (names.site(each.code), url_for("panel.privacy_site", site=each.code))
                for each in all_sites(work.session)
            ],
        )


@blueprint.post("/privacy/run")
def run_retention() -> AnyResponse:
    """Delete now what is older than decided."""
    with begin() as work:
        made = actions.run(work, work.principal.id)
    count = sum(made.counts.values())
    flash(gettext("Done. Deleted: %(count)d.", count=count), "good")
    return redirect(url_for("panel.privacy"), 303)


@blueprint.route("/privacy/<site>", methods=["GET", "POST"])
def privacy_site(site: str) -> AnyResponse:
    """Decide how long a site keeps what, and what happens when visitors leave."""
    code, form = SiteCode(site), Form.sent()
    if request.method == "POST":
        try:
            with begin() as work:
                actions.change_policy(
                    work, code, RetentionInput.model_validate({"days": _days(form)})
                )
                visits.change_leaving(work, code, _leaving(form))
        except ValidationError as error:
            form.take_validation(error)
        except GenkanError as error:
            form.take(error)
        else:
            flash(gettext("Saved. It counts from the next run on."), "good")
            return redirect(url_for("panel.privacy"), 303)
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, code)
        text = _form(work, code, form)
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


def kind_word(kind: Kept) -> str:
    """Return what a kind of data is called."""
    words = {
        Kept.VISITS: gettext("Who visitors were"),
        Kept.CONVERSATIONS: gettext("Chats and files"),
        Kept.COMMENTS: gettext("Comments in surveys"),
        Kept.TRACES: gettext("Old links, codes and requests at doors"),
        Kept.NOTICES: gettext("What hosts were told"),
        Kept.MAILS: gettext("Mails and messages"),
        Kept.RETURNING: gettext("Kept for the next visit"),
        Kept.AUDIT: gettext("Who did what (audit)"),
    }
    return words[kind]


def _form(work: Work, site: SiteCode, form: Form) -> str:
    names, leaving = Names(work), visits.leaving_of(work.session, site)
    chosen = form.every("exits")
    if request.method == "GET":
        days = actions.policy(work, site)
        form.values = {f"days.{kind}": str(each) for kind, each in days.items()}
        form.values["by_itself_after_min"] = str(leaving.by_itself_after_min)
        form.values["ends_pass"] = "yes" if leaving.ends_pass else ""
        chosen = leaving.exits
    return render_template(
        "panel/privacy_site.html",
        form=form,
        name=names.site(site),
        kinds=[(f"days.{kind}", kind_word(kind)) for kind in Kept],
        exits=[
            (each.id, names.portal(site, each.id))
            for each in portals_of(work.session, site)
            if each.kind is not PortalKind.VENDING
        ],
        chosen=chosen,
    )


def _days(form: Form) -> dict[str, str]:
    return {kind.value: form.value(f"days.{kind}") for kind in Kept}


def _leaving(form: Form) -> LeavingInput:
    return LeavingInput.model_validate(
        {
            "by_itself_after_min": form.value("by_itself_after_min"),
            "ends_pass": form.value("ends_pass") == "yes",
            "exits": form.every("exits"),
        }
    )


def _line(names: Names, line: RetentionLine) -> Line:
    where = names.site(line.site) if line.site else gettext("Everywhere")
    return Line(kind_word(line.kind), where, line.days, line.count)


def _run(run: models.RetentionRun) -> Run:
    by = {"timer": gettext("By itself"), "command": gettext("By command")}
    counted = [
        f"{kind_word(kind)}: {run.counts[kind.value]}"
        for kind in Kept
        if run.counts.get(kind.value)
    ]
    return Run(
        run.began_at,
        by.get(run.by, gettext("By hand")),
        " · ".join(counted) or gettext("Nothing was old enough"),
    )
