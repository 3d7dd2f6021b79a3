"""A database with every table, made once by the real migrations and copied for each test that needs one."""

import shutil
from pathlib import Path

from server.app import create_office
from server.kernel.schema import migrate
from server.kernel.settings import Settings
from tests.services.postgresql import Postgresql


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


def _migrate(url: str, folder: Path) -> None:
    office = create_office(
        Settings(demo=True, database_url=url, data_folder=folder, worker_wake="")
    )
    migrate(office.engine)
    # The last connection takes the write-ahead log with it: the file alone is the database.
    office.close()
