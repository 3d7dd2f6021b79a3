"""What a site's visitors read and agree to: the way there, what to bring, and the documents with their versions."""

from typing import NamedTuple

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.ids import SiteCode
from access_protocol.wording import Language
from server.kernel.errors import GenkanError, Invalid, NotFound
from server.kernel.principal import Right, require
from server.kernel.request import begin, reading
from server.kernel.work import Work
from server.pages import states
from server.pages.names import Names
from server.pages.panel import blueprint
from server.visits import actions, models
from server.visits.actions import NewTerms, TermsKind, WelcomeInput
from server.web.formats import local
from server.web.forms import Form
from server.web.languages import LANGUAGES, gettext


class DocumentLine(NamedTuple):
    """A document and its newest version."""

    title: str
    detail: str
    url: str
    withdraw_url: str


@blueprint.route("/policy/<site>/welcome", methods=["GET", "POST"])
def welcome(site: str) -> AnyResponse:
    """Show and change what the visitors of a site read, and what they may do by themselves."""
    code, form = SiteCode(site), Form.sent()
    if request.method == "POST":
        try:
            with begin() as work:
                actions.change_welcome(work, code, _typed(form))
        except ValidationError as error:
            form.take_validation(error)
        except GenkanError as error:
            form.take(error)
        else:
            flash(gettext("Saved. Pages and mails say so from now on."), "good")
            return redirect(url_for("panel.welcome", site=code), 303)
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, code)
        found = actions.welcome(work, code)
        if request.method == "GET":
            form.values = _values(found)
        text = render_template(
            "panel/welcome.html",
            form=form,
            name=Names(work).site(code),
            languages=list(LANGUAGES.items()),
            documents=_documents(work, code),
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


@blueprint.route("/policy/<site>/documents/<kind>", methods=["GET", "POST"])
def document(site: str, kind: str) -> AnyResponse:
    """Write a new version of a document: visitors are asked to agree to it from then on."""
    code, which, form = SiteCode(site), _kind(kind), Form.sent()
    if request.method == "POST":
        form.need(*LANGUAGES)
        try:
            if not form.has_errors:
                new = NewTerms.model_validate({each: form.value(each) for each in LANGUAGES})
                with begin() as work:
                    made = actions.write_terms(work, code, which, new)
                words = gettext(
                    "Version %(version)d is in force. Visitors are asked to agree to it.",
                    version=made.version,
                )
                flash(words, "good")
                return redirect(url_for("panel.welcome", site=code), 303)
        except ValidationError as error:
            form.take_validation(error)
        except GenkanError as error:
            form.take(error)
    with reading() as work:
        require(work.principal, Right.PLACES_MANAGE, code)
        newest = models.newest_terms(work.session, code).get(which)
        if request.method == "GET" and newest is not None:
            form.values = dict(newest.texts)
        text = render_template(
            "panel/document.html",
            form=form,
            title=states.document(which),
            site=code,
            next_version=newest.version + 1 if newest else 1,
            languages=list(LANGUAGES.items()),
        )
    return Response(text, Invalid.status if form.has_errors else 200, mimetype="text/html")


@blueprint.post("/policy/<site>/documents/<kind>/withdraw")
def withdraw_document(site: str, kind: str) -> AnyResponse:
    """Ask for a document no more."""
    with begin() as work:
        actions.withdraw_terms(work, SiteCode(site), _kind(kind))
    flash(gettext("Visitors are not asked any more. What was agreed stays recorded."), "good")
    return redirect(url_for("panel.welcome", site=site), 303)


def _kind(text: str) -> TermsKind:
    if text not in list(TermsKind):
        raise NotFound("There is no such document.")
    return TermsKind(text)


def _typed(form: Form) -> WelcomeInput:
    return WelcomeInput.model_validate(
        {
            "directions": {each: form.value(f"directions.{each}") for each in Language},
            "bring": {each: form.value(f"bring.{each}") for each in Language},
            "most_companions": form.value("most_companions"),
            "companions_need_host": form.value("companions_need_host") == "yes",
        }
    )


def _values(found: models.Welcome) -> dict[str, str]:
    values = {f"directions.{each}": found.directions.get(each, "") for each in Language}
    values |= {f"bring.{each}": found.bring.get(each, "") for each in Language}
    values["most_companions"] = str(found.most_companions)
    values["companions_need_host"] = "yes" if found.companions_need_host else ""
    return values


def _documents(work: Work, site: SiteCode) -> list[DocumentLine]:
    newest = models.newest_terms(work.session, site)
    return [
        DocumentLine(
            states.document(kind),
            _detail(newest.get(kind)),
            url_for("panel.document", site=site, kind=kind),
            url_for("panel.withdraw_document", site=site, kind=kind)
            if kind in newest and newest[kind].in_force
            else "",
        )
        for kind in TermsKind
    ]


def _detail(newest: models.Terms | None) -> str:
    if newest is None:
        return gettext("Not written yet; visitors are not asked.")
    if not newest.in_force:
        return gettext("Withdrawn on %(day)s", day=local(newest.written_at, "date"))
    return gettext(
        "Version %(version)d, in force since %(day)s",
        version=newest.version,
        day=local(newest.written_at, "date"),
    )
