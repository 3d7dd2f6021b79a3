"""What the tests of the API share: one site on each database for a whole module."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.fakes.api import Api
from tests.fakes.reception import open_reception


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One site for all of this page; each test uses devices and credentials of its own."""
    folder = tmp_path_factory.mktemp("api")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_template").copy()
    else:
        url = request.getfixturevalue("sqlite_template").copy(folder / "genkan.sqlite3")
    found = open_reception(url, folder)
    with closing(found.office):
        yield Api(found)
