"""What a visitor answers to the invitation: agrees, declines, asks for a change, brings people, says what they need."""

from collections.abc import Callable
from http import HTTPStatus

from flask import Response, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from access_protocol.wording import Language
from server.kernel.errors import GenkanError, Invalid, TooMany
from server.kernel.ids import TermsId
from server.pages import states
from server.pages.visitor import blueprint
from server.pages.visitor.visiting import Visiting, visiting
from server.visits import actions, models
from server.visits.actions import (
    Answer,
    NeedsInput,
    NewCompanion,
    NewWish,
    NotOpened,
    OtherPhone,
    ReplacedLink,
    TermsKind,
    UnknownLink,
)
from server.visits.models import Terms
from server.web.formats import from_local, local, span
from server.web.forms import Form
from server.web.languages import current, gettext
from server.web.limits import at_most, limited

LARGEST = 64 * 1024
"""Bytes that a form of a visitor may have."""
_NOT_OURS = (NotOpened, OtherPhone, ReplacedLink, UnknownLink, TooMany)
"""Errors about the link or the phone: they are no matter of the form."""


@blueprint.route("/<token>/agree/<terms_id>", methods=["GET", "POST"])
@limited("60 per minute")
@at_most(LARGEST)
def agree(token: str, terms_id: str) -> AnyResponse:
    """Show one document, or note that the visitor agreed to it."""
    known = TermsId(terms_id)

    def store(now: Visiting, form: Form) -> None:
        if form.value("language") not in list(Language):
            raise Invalid([("language", "is not known here")])
        if form.value("agreed") != "yes":
            form.refuse("agreed", gettext("Please tick this if you agree."))
            return
        language = Language(form.value("language"))
        actions.agree(now.work, now.visit, now.visitor, known, language)

    def show(now: Visiting, form: Form) -> str:
        wanted = models.terms_in_force(now.work.session, now.visit.site)
        terms = next((each for each in wanted if each.id == known), None)
        if terms is None:
            raise NewerTerms(
                gettext("There is a newer version of this document. Please read it first.")
            )
        return render_template(
            "visitor/agree.html",
            form=form,
            token=token,
            title=states.document(TermsKind(terms.kind)),
            version=terms.version,
            language=current(),
            text=terms.texts[current()],
            **_around(now),
        )

    return _answered(token, store, show, gettext("Thank you. It is noted."))


class NewerTerms(GenkanError):
    """The document has a newer version than the one that was asked for."""

    status = 409
    title = "This document was changed"


@blueprint.route("/<token>/decline", methods=["GET", "POST"])
@limited("60 per minute")
@at_most(LARGEST)
def decline(token: str) -> AnyResponse:
    """Ask once more, then note that the visitor will not come."""

    def store(now: Visiting, _form: Form) -> None:
        actions.decline_invitation(now.work, now.visit.id, now.visitor.id)

    def show(now: Visiting, form: Form) -> str:
        return render_template("visitor/decline.html", form=form, token=token, **_around(now))

    # The page itself says that it is noted.
    return _answered(token, store, show, "")


@blueprint.route("/<token>/wish", methods=["GET", "POST"])
@limited("60 per minute")
@at_most(LARGEST)
def wish(token: str) -> AnyResponse:
    """Ask the host for another time, or for something else."""

    def store(now: Visiting, form: Form) -> None:
        data: dict[str, object] = {"message": form.value("message")}
        for name in ("starts_at", "ends_at"):
            if form.value(name):
                try:
                    data[name] = from_local(form.value(name))
                except (ValueError, OverflowError):
                    form.refuse(name, gettext("Please write a date and a time."))
        if not form.has_errors:
            wanted = NewWish.model_validate(data)
            actions.wish(now.work, now.visit.id, now.visitor.id, wanted)

    def show(now: Visiting, form: Form) -> str:
        zone = now.names.time_zone(now.visit.site) or "UTC"
        hint = gettext("Times in %(zone)s", zone=zone)
        return render_template(
            "visitor/wish.html", form=form, token=token, zone_hint=hint, **_around(now)
        )

    return _answered(token, store, show, gettext("Your host is told, and will answer you."))


@blueprint.route("/<token>/companions", methods=["GET", "POST"])
@limited("60 per minute")
@at_most(LARGEST)
def companions(token: str) -> AnyResponse:
    """Bring somebody along."""

    def store(now: Visiting, form: Form) -> None:
        form.need("name", "email")
        data = {name: form.value(name) for name in ("name", "email", "company")}
        new = NewCompanion.model_validate(data)
        if not form.has_errors:
            actions.bring(now.work, now.visit.id, now.visitor.id, new)

    def show(now: Visiting, form: Form) -> str:
        asks = models.welcome_of(now.work.session, now.visit.site).companions_need_host
        return render_template(
            "visitor/companions.html", form=form, token=token, asks=asks, **_around(now)
        )

    return _answered(token, store, show, gettext("Your host is told about your company."))


@blueprint.route("/<token>/needs", methods=["GET", "POST"])
@limited("60 per minute")
@at_most(LARGEST)
def needs(token: str) -> AnyResponse:
    """Say what one needs to get about."""

    def store(now: Visiting, form: Form) -> None:
        given = NeedsInput.model_validate(
            {"step_free": form.value("step_free") == "yes", "needs": form.value("needs")}
        )
        actions.note_needs(now.work, now.visit.id, now.visitor.id, given)

    def show(now: Visiting, form: Form) -> str:
        if request.method == "GET":
            form.values["needs"] = actions.needs_of(now.work, now.visitor)
            form.values["step_free"] = "yes" if now.visitor.step_free else ""
        return render_template("visitor/needs.html", form=form, token=token, **_around(now))

    return _answered(token, store, show, gettext("Thank you. Your host sees it."))


def answered(answer: Answer) -> str:
    """Return how the host answered, for the visitor."""
    match answer:
        case Answer.WAITING:
            return gettext("Your host has not answered yet")
        case Answer.ACCEPTED:
            return gettext("Your host said yes")
        case Answer.REFUSED:
            return gettext("Your host said no")
        case Answer.REPLACED:
            return gettext("You asked for something else since")


def wished(found: models.Wish) -> str:
    """Return what was asked for, the time before the words."""
    when = ""
    if found.starts_at and found.ends_at:
        when = f"{local(found.starts_at, 'day')}, {span(found.starts_at, found.ends_at)}"
    return "\n".join(part for part in (when, found.message) if part)


def to_agree(now: Visiting) -> list[Terms]:
    """Return the documents that the visitor has not agreed to yet."""
    return actions.outstanding(now.work, now.visit, now.visitor.id)


def _around(now: Visiting) -> dict[str, object]:
    return {"site_name": now.names.site(now.visit.site), "host": now.names.person(now.visit.host)}


def _answered(
    token: str,
    store: Callable[[Visiting, Form], None],
    show: Callable[[Visiting, Form], str],
    done: str,
) -> AnyResponse:
    """Show a form, or store what was sent; what is refused stands beside its field, and what was typed stays."""
    form = Form()
    if request.method == "POST":
        form = Form.sent()
        try:
            with visiting(token, writes=True) as now:
                store(now, form)
        except ValidationError as error:
            form.take_validation(error)
        except _NOT_OURS:
            raise
        except GenkanError as error:
            form.take(error)
        if not form.has_errors:
            if done:
                flash(done, "good")
            return redirect(url_for("visitor.visit", token=token), HTTPStatus.SEE_OTHER)
    with visiting(token) as now:
        text = show(now, form)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.has_errors else HTTPStatus.OK
    return Response(text, status, mimetype="text/html")
