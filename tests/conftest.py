"""What tests of every kind share: the real services, each started when a test first asks for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services.broker import Broker
from tests.services.postgresql import Postgresql
from tests.services.template import PostgresqlTemplate, SqliteTemplate

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
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database at the present version: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        tables: SqliteTemplate = request.getfixturevalue("sqlite_template")
        return tables.copy(tmp_path / "genkan.sqlite3")
    template: PostgresqlTemplate = request.getfixturevalue("postgresql_template")
    return template.copy()


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table, for what is about the migrations themselves."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    server: Postgresql = request.getfixturevalue("postgresql")
    return server.new_database()
