"""An office on an empty database of each kind, with a clock that stands still."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.app import create_office
from server.kernel.clock import FixedClock
from server.kernel.principal import Principal
from server.kernel.schema import migrate
from server.kernel.settings import Settings
from server.kernel.work import Office
from server.people import actions as people
from server.people.actions import NewPerson
from server.people.passwords import hash_password
from server.people.rules import Role
from tests.fakes.application import application
from tests.fakes.client import Client

PASSWORD = "correct horse battery"
START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        demo=True, database_url=database_url, data_folder=tmp_path / "data", worker_wake=""
    )


@pytest.fixture
def office(settings: Settings, clock: FixedClock) -> Iterator[Office]:
    """An office on a migrated database: SQLite, then PostgreSQL."""
    opened = create_office(settings, clock)
    migrate(opened.engine)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of everybody's password: it is slow to make on purpose, so it is made once."""
    return hash_password(PASSWORD)


@pytest.fixture
def client(office: Office, password_hash: str) -> Client:
    """A program that talks to the API; people of each role exist."""
    with office.begin(Principal.system()) as work:
        for role in Role:
            new = NewPerson(email=f"{role}@genkan.example", name=role.title(), roles=[role])
            people.create_person(work, new).password_hash = password_hash
    return Client(application(office), PASSWORD)
