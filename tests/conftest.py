"""What tests of every kind share: the real services, each started when a test first asks for it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services.broker import Broker
from tests.services.postgresql import Postgresql

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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'genkan.sqlite3'}"
    server: Postgresql = request.getfixturevalue("postgresql")
    return server.new_database()
