"""What a Flask view needs of the kernel: who calls, a piece of work for them, and an answer in JSON."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, g
from flask_openapi.models.response import Response as ResponseSpec
from pydantic import BaseModel, Field, ValidationError

from server.kernel.errors import GenkanError
from server.kernel.ids import SessionId
from server.kernel.pagination import Page
from server.kernel.principal import Principal
from server.kernel.refusals import invalid_from
from server.kernel.work import Office, Work

EXTENSION = "genkan"
"""Where the app keeps its office: `app.extensions[EXTENSION]`."""


@dataclass(frozen=True)
class Caller:
    """Who sent the present request, as `server.people.callers` found out before the view ran."""

    principal: Principal
    session: SessionId | None = None
    """The browser session, where the caller has one."""
    csrf_token: str = ""
    """To be sent back with every form (`csrf_token`) or request (`X-CSRF-Token`) of this session."""
    language: str | None = None
    """The language the person chose in their account."""
    name: str = ""


ANONYMOUS = Caller(Principal.anonymous())


class ProblemField(BaseModel):
    """One field that was refused."""

    field: str = Field(description="Name of the field; nested fields are joined by dots.")
    why: str = Field(description="Why it was refused, for people.")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[ProblemField] = Field(
        default=[], description="For bad input: which fields, and why."
    )


def _problem_spec(status: HTTPStatus) -> ResponseSpec:
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return ResponseSpec.model_validate(
        {"description": status.phrase, "content": {"application/problem+json": schema}}
    )


API_PROBLEMS: dict[
    str | int | HTTPStatus, type[BaseModel] | ResponseSpec | dict[str, Any] | None
] = {
    str(int(status)): _problem_spec(status)
    for status in (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
    )
}
"""The problems that any view of the API may answer, as the OpenAPI document describes them."""

API_SECURITY: list[dict[str, list[str]]] = [{"session": []}, {"token": []}]
"""The two ways to sign in to the API, as the OpenAPI document names them."""


def office() -> Office:
    """Return the office of the app that serves this request."""
    return current_app.extensions[EXTENSION]


def caller() -> Caller:
    """Return who sent this request."""
    return g.get("caller", ANONYMOUS)


@contextmanager
def begin() -> Generator[Work]:
    """Begin work for the caller that may write; committed at the end."""
    with office().begin(caller().principal) as work:
        yield work


@contextmanager
def reading() -> Generator[Work]:
    """Begin work for the caller that only asks."""
    with office().reading(caller().principal) as work:
        yield work


def answer(body: BaseModel, status: int = HTTPStatus.OK) -> Response:
    """Answer with a pydantic model as JSON; times are RFC 3339 with Z."""
    return Response(body.model_dump_json(), status, mimetype="application/json")


def no_content() -> Response:
    """Answer that it is done and there is nothing to say."""
    return Response(status=HTTPStatus.NO_CONTENT)


def answer_page(page: Page[Any]) -> Response:
    """Answer with a page of pydantic models: `{"items": […], "next_cursor": …}`."""
    items = ",".join(item.model_dump_json() for item in page.items)
    cursor = "null" if page.next_cursor is None else f'"{page.next_cursor}"'
    return Response(f'{{"items":[{items}],"next_cursor":{cursor}}}', mimetype="application/json")


def problem(error: GenkanError) -> Response:
    """Answer an error as a problem document (RFC 9457)."""
    fields = [ProblemField(field=each.field, why=each.why) for each in error.errors]
    document = Problem(title=error.title, status=error.status, detail=error.detail, errors=fields)
    response = Response(
        document.model_dump_json(), error.status, mimetype="application/problem+json"
    )
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(int(retry_after.total_seconds()) + 1)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="genkan"'
    return response


def invalid_request(error: ValidationError) -> Response:
    """Answer a request whose parameters or body pydantic refused; the app gives this to flask-openapi."""
    return problem(invalid_from(error))
