"""The blueprint of a subject's API: flask-openapi's, with types, and with what every subject says alike."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.response import Response as ResponseSpec
from flask_openapi.models.tag import Tag
from pydantic import BaseModel

from server.kernel.request import API_PROBLEMS, API_SECURITY

View = TypeVar("View", bound=Callable[..., Any])
Responses = Mapping[int, type[BaseModel] | str | None]
"""What a view answers, by status: a model, the media type of something that is no JSON, or nothing."""


class ApiBlueprint:
    """One subject's views under `/api/v1`; the app registers `openapi`.

    The first line of a view's docstring is its summary, pydantic models its parameters and answers.
    """

    def __init__(self, subject: str, about: str, url_prefix: str = "") -> None:
        """Name the subject ("Umbrellas"), say what it is about, and give the path below `/api/v1`."""
        self.openapi = APIBlueprint(
            f"{subject.lower()}_api",
            __name__,
            url_prefix=f"/api/v1{url_prefix}",
            abp_tags=[Tag(name=subject, description=about)],
            abp_security=API_SECURITY,
            abp_responses=API_PROBLEMS,
        )

    def get(self, rule: str, answers: Responses, *, open_to_all: bool = False) -> "Decorator":
        """Add a view that reads."""
        return self._route("get", rule, answers, open_to_all=open_to_all)

    def post(self, rule: str, answers: Responses, *, open_to_all: bool = False) -> "Decorator":
        """Add a view that creates or does something."""
        return self._route("post", rule, answers, open_to_all=open_to_all)

    def put(self, rule: str, answers: Responses) -> "Decorator":
        """Add a view that creates or replaces what the path names."""
        return self._route("put", rule, answers)

    def patch(self, rule: str, answers: Responses) -> "Decorator":
        """Add a view that changes part of what the path names."""
        return self._route("patch", rule, answers)

    def delete(self, rule: str, answers: Responses) -> "Decorator":
        """Add a view that removes or ends what the path names."""
        return self._route("delete", rule, answers)

    def _route(
        self, method: str, rule: str, answers: Responses, *, open_to_all: bool = False
    ) -> "Decorator":
        options: dict[str, Any] = {
            "responses": {
                status: _other_media(what) if isinstance(what, str) else what
                for status, what in answers.items()
            }
        }
        if open_to_all:
            # flask-openapi takes an empty list for "as the blueprint says"; {} is OpenAPI's "nothing needed".
            options["security"] = [{}]
        return Decorator(getattr(self.openapi, method)(rule, **options))


class Decorator:
    """Registers a view and gives it back with its own type."""

    def __init__(self, register: Callable[[Any], Any]) -> None:
        """Take flask-openapi's decorator, whose types are open."""
        self._register = register

    def __call__(self, view: View) -> View:
        """Register the view."""
        return cast("View", self._register(view))


def _other_media(media_type: str) -> ResponseSpec:
    schema = {"schema": {"type": "string", "format": "binary"}}
    return ResponseSpec.model_validate({"description": "OK", "content": {media_type: schema}})
