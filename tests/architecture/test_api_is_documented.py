"""The operations page names every group of API routes, and the API names the version that is released."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from server.app import create_app, create_office
from server.kernel.settings import Settings
from tests.architecture.source import ROOT, prose

GROUP = re.compile(r"^/api/v1/([a-z-]+)(?:/|$)")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    settings = Settings(demo=True, data_folder=tmp_path)
    with closing(create_office(settings)) as office:
        yield create_app(settings, office)


def test_every_group_of_routes_stands_in_the_operations_page(app: Flask) -> None:
    groups = {match[1] for rule in app.url_map.iter_rules() if (match := GROUP.match(rule.rule))}
    assert {"visits", "session"} <= groups
    page = prose("docs/operations.md")
    assert not {group for group in groups if f"| `/api/v1/{group}` |" not in page}


def test_the_api_tells_the_version_that_is_released(app: Flask) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    answer = app.test_client().get("/api/v1/openapi.json")
    assert answer.get_json()["info"]["version"] == project["version"]
