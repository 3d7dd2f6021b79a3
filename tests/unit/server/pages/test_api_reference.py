"""The API's reference shows every operation with a request that can be copied."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from server.app import create_app, create_office
from server.kernel import schema
from server.kernel.settings import Settings
from server.pages.panel.api_reference import METHODS, Document, Operation


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    settings = Settings(demo=True, data_folder=tmp_path, worker_wake="")
    office = create_office(settings)
    schema.migrate(office.engine)
    yield create_app(settings, office)
    office.close()


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def _operations(app: Flask, document: dict[str, Any]) -> list[Operation]:
    with app.test_request_context("/"):
        groups = Document(document, "http://localhost:8080/").groups()
    return [operation for group in groups for operation in group.operations]


def test_every_operation_of_the_document_is_on_the_page(app: Flask, browser: FlaskClient) -> None:
    document: dict[str, Any] = browser.get("/api/v1/openapi.json").json or {}
    described = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    }
    assert described
    assert {(each.method, each.path) for each in _operations(app, document)} == described
    page = browser.get("/api/v1/").text
    assert all(path in page for _, path in described)


def test_each_example_is_a_command_whose_body_is_json(app: Flask, browser: FlaskClient) -> None:
    document: dict[str, Any] = browser.get("/api/v1/openapi.json").json or {}
    for operation in _operations(app, document):
        words = shlex.split(operation.curl.replace("\\\n", " "))
        assert words[0] == "curl"
        assert words[-1].startswith("http://localhost:8080/api/v1/")
        assert "{" not in words[-1]
        if "-d" in words:
            json.loads(words[words.index("-d") + 1])


def test_the_page_needs_no_sign_in_and_speaks_the_readers_language(browser: FlaskClient) -> None:
    answer = browser.get("/api/v1/", headers={"Accept-Language": "ja"})
    assert answer.status_code == 200
    assert 'lang="ja"' in answer.text
