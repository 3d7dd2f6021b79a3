"""Opening an invitation on a phone: the button that binds the link to it, and the code that moves it to another."""

from http import HTTPStatus

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import TooMany
from server.kernel.principal import Principal
from server.kernel.request import office
from server.pages.visitor import blueprint
from server.visits import actions
from server.visits.actions import Attempt, Keeper
from server.web import languages, phone
from server.web.forms import Form
from server.web.languages import gettext
from server.web.limits import limited


@blueprint.post("/<token>/open")
@limited("30 per minute")
def open_here(token: str) -> AnyResponse:
    """Let this phone keep the link. A press of the button, for the scanners of mail servers only look at pages."""
    secret = phone.secret_or_new()
    with office().begin(Principal.anonymous()) as work:
        actions.bind_phone(work, token, secret, phone.user_agent())
    return phone.keep(_to_visit(token), secret)


@blueprint.route("/<token>/code", methods=["GET", "POST"])
@limited("30 per minute")
def send_code(token: str) -> AnyResponse:
    """Mail a code to the visitor, and ask this phone for it."""
    if _is_kept_here(token):
        return _to_visit(token)
    if request.method == "POST":
        with office().begin(Principal.anonymous()) as work:
            actions.request_code(work, token)
        return redirect(url_for("visitor.send_code", token=token), HTTPStatus.SEE_OTHER)
    return _code_page(token, Form())


@blueprint.post("/<token>/take-over")
@limited("30 per minute")
def take_over(token: str) -> AnyResponse:
    """Move the link to this phone, if the code is right."""
    form = Form.sent()
    form.need("code")
    if form.has_errors:
        return _code_page(token, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    secret = phone.secret_or_new()
    try:
        with office().begin(Principal.anonymous()) as work:
            came = actions.take_over(work, token, form.value("code"), secret, phone.user_agent())
    except TooMany as error:
        form.take(error)
        return _code_page(token, form, HTTPStatus.TOO_MANY_REQUESTS)
    match came:
        case Attempt.RIGHT:
            return phone.keep(_to_visit(token), secret)
        case Attempt.WRONG:
            form.refuse(
                "code", gettext("This is not the code of the latest mail. Please look again.")
            )
        case Attempt.EXPIRED:
            form.refuse(
                "code", gettext("This code does not count any more. Please have a new one sent.")
            )
    return _code_page(token, form, HTTPStatus.UNPROCESSABLE_ENTITY)


def _is_kept_here(token: str) -> bool:
    """Tell whether this phone keeps the link; raises for links that count no more."""
    with office().reading(Principal.anonymous()) as work:
        return actions.opened_by(work, token, phone.secret())[2] is Keeper.THIS_PHONE


def _code_page(token: str, form: Form, status: int = HTTPStatus.OK) -> Response:
    languages.prefer(languages.of_browser())
    text = render_template("visitor/code.html", form=form, token=token)
    return Response(text, status, mimetype="text/html")


def _to_visit(token: str) -> AnyResponse:
    return redirect(url_for("visitor.visit", token=token), HTTPStatus.SEE_OTHER)
