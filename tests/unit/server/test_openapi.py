"""The OpenAPI document: every route is in it, with all that a program needs to know to use it."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from flask_openapi.openapi import OpenAPI

from server.app import create_app, create_office, document
from server.kernel.settings import Settings

API = "/api/v1/"
DOCUMENT = "/api/v1/openapi.json"
ABOUT_THE_API = {"/api/v1/", DOCUMENT}
"""The page that shows the document, and the document: for people and for generators."""
METHODS = {"get", "post", "put", "patch", "delete"}
OPEN_TO_ALL = {("post", "/api/v1/session"), ("post", "/api/v1/devices/enrolments")}
Operation = dict[str, Any]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAPI]:
    settings = Settings(demo=True, data_folder=Path(tmp_path_factory.mktemp("openapi")))
    with closing(create_office(settings)) as office:
        yield create_app(settings, office)


@pytest.fixture(scope="module")
def written(app: OpenAPI) -> dict[str, Any]:
    return document(app)


@pytest.fixture(scope="module")
def operations(written: dict[str, Any]) -> dict[tuple[str, str], Operation]:
    return {
        (method, path): operation
        for path, item in written["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_it_is_openapi_3_1_and_served_where_it_says(app: OpenAPI, written: dict[str, Any]) -> None:
    assert written["openapi"].startswith("3.1.")
    answer = app.test_client().get(DOCUMENT)
    assert answer.mimetype == "application/json"
    assert answer.json == written


def test_every_route_of_the_api_is_documented(
    app: OpenAPI, operations: dict[tuple[str, str], Operation]
) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(API) and rule.rule not in ABOUT_THE_API
        for method in rule.methods or ()
        if method.lower() in METHODS
    }
    assert routes == set(operations)


def test_every_operation_says_what_it_is_and_who_may_call_it(
    operations: dict[tuple[str, str], Operation],
) -> None:
    for place, operation in operations.items():
        assert operation["summary"], place
        assert len(operation["tags"]) == 1, place
        ways = operation["security"]
        assert {"session": []} in ways, place
        assert {"token": []} in ways, place
        assert ({} in ways) == (place in OPEN_TO_ALL), place
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(set(ids)) == len(ids)


def test_every_operation_says_what_it_answers_and_what_may_go_wrong(
    operations: dict[tuple[str, str], Operation],
) -> None:
    for place, operation in operations.items():
        answers = operation["responses"]
        assert any(status.startswith("2") for status in answers), place
        for status in ("401", "403", "404", "422"):
            assert "application/problem+json" in answers[status]["content"], (place, status)


def test_every_part_that_is_referred_to_is_there(written: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in written["components"]["schemas"]}
    used = set(_references(written))
    assert used
    assert used <= known


def test_every_field_that_text_comes_in_by_is_bounded(written: dict[str, Any]) -> None:
    bodies = {
        reference
        for item in written["paths"].values()
        for operation in item.values()
        for reference in _references(operation.get("requestBody", {}))
    }
    unbounded = [
        f"{name}.{field}"
        for name, schema in written["components"]["schemas"].items()
        if f"#/components/schemas/{name}" in bodies
        for field, what in schema.get("properties", {}).items()
        if _is_open_text(what)
    ]
    assert not unbounded


def _is_open_text(what: dict[str, Any]) -> bool:
    choices = what.get("anyOf", [what])
    return any(
        each.get("type") == "string"
        and not each.keys() & {"maxLength", "pattern", "enum", "const", "format"}
        for each in choices
    )


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in cast("dict[str, object]", part).items():
            if name == "$ref":
                yield str(value)
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in cast("list[object]", part):
            yield from _references(value)
