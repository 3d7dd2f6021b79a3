"""What tests of every kind share: the real services, each started when a test first asks for it."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import settings

from tests.services.broker import Broker
from tests.services.postgresql import Postgresql
from tests.services.template import PostgresqlTemplate, SqliteTemplate

# A busy machine makes an example slow, and proves nothing by it: what takes long is measured in bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TESTS = Path(__file__).parent
CONTRACTS = TESTS / "contract"
WHOLE_PROGRAMS = {"browser", "e2e", "faults"}
"""Folders whose tests start many programs at once: never two of them side by side."""
ONE_IN = 4
"""So many of what a whole server is asked on PostgreSQL are asked in the short form; on SQLite all of it is."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for the long form alone, unless TESTS=long asks for it, and say what runs side by side."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group_of(item.path.relative_to(TESTS))))
    if os.environ.get("TESTS") == "long":
        return
    left_out = [item for item in items if _is_for_the_long_form(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        chosen = set(items) - set(left_out)
        items[:] = [item for item in items if item in chosen]


def _group_of(path: Path) -> str:
    """Return what is run by one process, in its order: a file, or all folders that start whole programs."""
    return "whole programs" if path.parts[0] in WHOLE_PROGRAMS else str(path)


def _is_for_the_long_form(item: pytest.Item) -> bool:
    if item.get_closest_marker("long") is not None:
        return True
    on_postgresql = item.get_closest_marker("postgresql") is not None
    # Always the same ones, so that one that fails fails again.
    return (
        on_postgresql
        and CONTRACTS in item.path.parents
        and bool(crc32(item.nodeid.encode()) % ONE_IN)
    )


StartBroker = Callable[[Sequence[str]], Broker]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A fresh Mosquitto that admits everyone on this machine."""
    with Broker(tmp_path) as running:
        yield running


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[StartBroker]:
    """Starts Mosquitto with further lines of configuration: passwords, an ACL, limits."""
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Broker(tmp_path, settings))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """One PostgreSQL for the whole run; a machine without it fails the tests that need it."""
    with Postgresql() as running:
        yield running


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    """The tables on SQLite, made once."""
    return SqliteTemplate(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgresql_template(
    postgresql: Postgresql, tmp_path_factory: pytest.TempPathFactory
) -> PostgresqlTemplate:
    """The tables on PostgreSQL, made once."""
    return PostgresqlTemplate(postgresql, tmp_path_factory.mktemp("template"))


DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database at the present version: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        tables: SqliteTemplate = request.getfixturevalue("sqlite_template")
        yield tables.copy(tmp_path / "genkan.sqlite3")
        return
    template: PostgresqlTemplate = request.getfixturevalue("postgresql_template")
    url = template.copy()
    yield url
    template.drop(url)


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, for what is about the migrations themselves."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    url = server.new_database()
    yield url
    server.drop(url)
