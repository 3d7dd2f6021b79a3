"""A reception of a test's own, or one for a whole module; each on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.api import Api
from tests.fakes.hosted import Hosted
from tests.fakes.reception import Reception, open_reception
from tests.services.push_service import PushService


@pytest.fixture
def reception(database_url: str, tmp_path: Path) -> Iterator[Reception]:
    """A site that this test has to itself."""
    found = open_reception(database_url, tmp_path)
    with closing(found.office):
        yield found


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def shared_reception(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reception]:
    """One site for all tests of a module: quicker, where they do not get into each other's way."""
    folder = tmp_path_factory.mktemp("shared")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_template").copy()
    else:
        url = request.getfixturevalue("sqlite_template").copy(folder / "genkan.sqlite3")
    found = open_reception(url, folder)
    with closing(found.office):
        yield found


@pytest.fixture(scope="module")
def api(shared_reception: Reception) -> Api:
    """One site for all of this page; each test uses devices and credentials of its own."""
    return Api(shared_reception)


@pytest.fixture
def push_service(tmp_path: Path) -> Iterator[PushService]:
    """A push service with a certificate of its own authority."""
    with PushService(tmp_path) as running:
        yield running


@pytest.fixture
def hosted(reception: Reception, push_service: PushService) -> Hosted:
    """A host who can be told."""
    return Hosted(reception, push_service)
