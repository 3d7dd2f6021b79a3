"""What a visitor reads when a link or a step is refused: kind, saying what to do next, revealing nothing."""

from http import HTTPStatus

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import GenkanError, TooMany
from server.kernel.request import problem
from server.pages.visitor import blueprint
from server.visits.actions import NotOpened, OtherPhone, ReplacedLink, UnknownLink
from server.web.languages import gettext


def for_program() -> bool:
    """Tell whether a page's script asked, and reads a problem document instead of a page."""
    accepts = request.accept_mimetypes
    return request.is_json or accepts.best == "application/json"


@blueprint.errorhandler(UnknownLink)
def unknown_link(error: UnknownLink) -> Response:
    """Answer a link that was never given, or is taken back: the same answer for both."""
    return _page("visitor/unknown_link.html", error)


@blueprint.errorhandler(ReplacedLink)
def replaced_link(error: ReplacedLink) -> Response:
    """Answer a link in place of which there is a newer one."""
    return _page("visitor/replaced_link.html", error)


@blueprint.errorhandler(OtherPhone)
def other_phone(error: OtherPhone) -> Response:
    """Answer a phone that does not keep the link: it may ask for a code."""
    return _page("visitor/other_phone.html", error, token=_token())


@blueprint.errorhandler(NotOpened)
def not_opened(error: NotOpened) -> AnyResponse:
    """Send a phone to the button with which it opens the invitation."""
    if for_program():
        return problem(error)
    return redirect(url_for("visitor.visit", token=_token()), HTTPStatus.SEE_OTHER)


@blueprint.errorhandler(GenkanError)
def refused(error: GenkanError) -> Response:
    """Answer any other refusal, with the way back to the visit."""
    response = _page(
        "visitor/refused.html",
        error,
        title=gettext(error.title),
        detail=gettext(error.detail),
        token=_token(),
    )
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(int(error.retry_after.total_seconds()) + 1)
    return response


def _page(template: str, error: GenkanError, **values: object) -> Response:
    if for_program():
        return problem(error)
    return Response(render_template(template, **values), error.status, mimetype="text/html")


def _token() -> str:
    return str((request.view_args or {}).get("token", ""))
