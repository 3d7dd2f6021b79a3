"""Signing in and out with a password."""

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import Invalid, TooMany
from server.kernel.request import begin, caller, office
from server.pages.panel import blueprint
from server.people import actions
from server.web import limits, session
from server.web.forms import Form
from server.web.languages import ngettext
from server.web.routes import local_path

SECONDS_IN_A_MINUTE = 60


@blueprint.get("/sign-in")
@limits.limited("120 per minute")
def sign_in() -> AnyResponse:
    """Show the form, or go on where somebody is signed in already."""
    if caller().session is not None:
        return redirect(local_path(request.args.get("next", "/")))
    return _form(Form({"next": request.args.get("next", "/")}))


@blueprint.post("/sign-in", endpoint="sign_in_sent")
@limits.limited("60 per minute")
@limits.at_most(limits.SMALL)
def sign_in_sent() -> AnyResponse:
    """Begin a session, or say what does not fit and keep the address."""
    form = Form.sent()
    form.need("email", "password")
    if form.has_errors:
        return _form(form, Invalid.status)
    try:
        opened = actions.sign_in(
            office(),
            form.value("email"),
            request.form["password"],
            address=request.remote_addr or "",
            user_agent=request.user_agent.string,
        )
    except Invalid as error:
        form.take(error, known=("email", "password"))
        return _form(form, error.status)
    except TooMany as error:
        minutes = max(1, round(error.retry_after.total_seconds() / SECONDS_IN_A_MINUTE))
        form.refuse(
            "",
            ngettext(
                "Too many attempts. Please try again in a minute.",
                "Too many attempts. Please try again in %(num)d minutes.",
                minutes,
            ),
        )
        answer = _form(form, error.status)
        answer.headers["Retry-After"] = str(int(error.retry_after.total_seconds()) + 1)
        return answer
    answer = redirect(local_path(form.value("next")), 303)
    return session.begin(answer, opened.secret)


@blueprint.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session, here and on the server."""
    ended = caller().session
    if ended is not None:
        with begin() as work:
            actions.sign_out(work, ended)
    return session.end(redirect(url_for("panel.sign_in"), 303))


def _form(form: Form, status: int = 200) -> Response:
    return Response(render_template("panel/sign_in.html", form=form), status, mimetype="text/html")
