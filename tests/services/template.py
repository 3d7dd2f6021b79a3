"""What each test begins with, made once and copied: a database with every table, or one with a whole scene in it."""

import shutil
import sqlite3
from collections.abc import Callable, Hashable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import make_url

from server.app import create_office
from server.kernel.clock import Clock, FixedClock
from server.kernel.schema import migrate
from server.kernel.settings import Settings
from tests.services.postgresql import Postgresql

Known = TypeVar("Known")


class SqliteTemplate:
    """A migrated file of its own folder."""

    def __init__(self, folder: Path) -> None:
        """Run the migrations once."""
        self._file = folder / "template.sqlite3"
        _migrate(f"sqlite:///{self._file}", folder)

    def copy(self, path: Path) -> str:
        """Copy the database to `path`; returns its SQLAlchemy URL."""
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._file, path)
        return f"sqlite:///{path}"


class PostgresqlTemplate:
    """A migrated database of a running cluster."""

    def __init__(self, server: Postgresql, folder: Path) -> None:
        """Run the migrations once."""
        self._server = server
        self._url = server.new_database()
        _migrate(self._url, folder)

    def copy(self) -> str:
        """Make a database with the same tables; returns its SQLAlchemy URL."""
        return self._server.new_database(template=self._url)

    def drop(self, url: str) -> None:
        """Remove a copy."""
        self._server.drop(url)


def scene(name: Hashable, url: str, write: Callable[[], Known]) -> Known:
    """Let `write` fill a database, or give it what `write` wrote the first time; PostgreSQL is filled each time.

    Returns what `write` returned the first time: the ids by which a test knows what stands there.
    """
    path = make_url(url).database if url.startswith("sqlite") else None
    if path is None:
        return write()
    if name not in _SCENES:
        known = write()
        with closing(sqlite3.connect(path)) as written:
            _SCENES[name] = written.serialize(), known
        return known
    content, known = _SCENES[name]
    Path(path).write_bytes(content)
    return known


def just_before(clock: Clock) -> FixedClock:
    """A clock for who writes a scene: ids sort by time, and what the test adds comes after all that stood there."""
    return FixedClock(clock.now() - timedelta(milliseconds=1))


_SCENES: dict[Hashable, tuple[bytes, Any]] = {}


def _migrate(url: str, folder: Path) -> None:
    office = create_office(
        Settings(demo=True, database_url=url, data_folder=folder, worker_wake="")
    )
    migrate(office.engine)
    # The last connection takes the write-ahead log with it: the file alone is the database.
    office.close()
