"""Answers errors: problem documents (RFC 9457) to programs, kind pages to people."""

import secrets
from http import HTTPStatus
from urllib.parse import quote

import structlog
from flask import Flask, Response, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.wrappers import Response as AnyResponse

from server.kernel.errors import Conflict, GenkanError, Invalid, SignInNeeded, TooMany
from server.kernel.request import Problem, problem
from server.web.languages import gettext

log = structlog.get_logger(__name__)

API = "/api/"


def install(app: Flask) -> None:
    """Answer every error in the form which its caller understands."""
    app.register_error_handler(GenkanError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(IntegrityError, _crossed)
    app.register_error_handler(RecursionError, _too_deep)
    app.register_error_handler(InternalServerError, _unexpected)
    app.before_request(_refuse_nul)


def for_program() -> bool:
    """Tell whether this request came from a program and not from a person's browser page."""
    return request.path.startswith(API)


def _ours(error: GenkanError) -> AnyResponse:
    if for_program():
        return problem(error)
    if isinstance(error, SignInNeeded):
        return _to_sign_in()
    response = _page(HTTPStatus(error.status), gettext(error.title), gettext(error.detail))
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(int(error.retry_after.total_seconds()) + 1)
    return response


def _to_sign_in() -> AnyResponse:
    if "HX-Request" in request.headers:
        return Response(status=HTTPStatus.UNAUTHORIZED)
    path = request.full_path.removesuffix("?") if request.method == "GET" else "/"
    return redirect(f"{url_for('panel.sign_in')}?next={quote(path)}", HTTPStatus.SEE_OTHER)


def _http(error: HTTPException) -> AnyResponse:
    if error.response is not None or (error.code or 0) < HTTPStatus.BAD_REQUEST:
        return error.get_response()
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if for_program():
        return _plain_problem(status, error.description or status.phrase)
    return _page(status, _title(status), _advice(status))


def _crossed(error: IntegrityError) -> AnyResponse:
    """Two people wrote the same new thing at once, for example one address for two accounts."""
    log.warning("two changes at once", page=_page_of_request(), error=type(error.orig).__name__)
    return _ours(Conflict("Somebody else changed the same thing at this moment. Please try again."))


def _too_deep(error: RecursionError) -> AnyResponse:
    if not request.is_json:
        raise error
    return _ours(Invalid([("body", "is nested too deeply")]))


def _refuse_nul() -> None:
    # No address of ours holds one, and PostgreSQL does not even compare with it.
    if "\0" in request.path:
        raise NotFound


def _page_of_request() -> str:
    """Return which page was asked for, without what it was asked about: a visitor's link is a key."""
    return str(request.url_rule or "unknown")


def _unexpected(error: InternalServerError) -> AnyResponse:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    reference = secrets.token_hex(4)
    cause = error.original_exception
    log.error("request failed", reference=reference, page=_page_of_request(), exc_info=cause)
    if for_program():
        return _plain_problem(status, f"Nothing was saved. Reference for support: {reference}")
    return _page(status, _title(status), _advice(status), reference)


def _plain_problem(status: HTTPStatus, detail: str) -> Response:
    document = Problem(title=status.phrase, status=status, detail=detail)
    return Response(document.model_dump_json(), status, mimetype="application/problem+json")


def _page(status: HTTPStatus, title: str, what_to_do: str, reference: str = "") -> Response:
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status is HTTPStatus.TOO_MANY_REQUESTS
    retry = request.method == "GET" and passing
    text = render_template(
        "error.html", title=title, what_to_do=what_to_do, reference=reference, retry=retry
    )
    return Response(text, status, mimetype="text/html")


def _title(status: HTTPStatus) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return gettext("There is no such page")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return gettext("That was too large")
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return gettext("Something went wrong here")
        case _:
            return gettext("That did not work")


def _advice(status: HTTPStatus) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return gettext("The address may be mistyped, or the page has moved.")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return gettext("Send less at once, and try again.")
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return gettext("Nothing was saved. Please try again in a minute.")
        case _:
            return gettext("Go back, load the page again and repeat the step.")
