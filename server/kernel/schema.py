"""Brings the database's tables to the present version, and tells whether they are there."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from server.kernel import audit, leader, outbox, throttle
from server.kernel.database import Record, for_writing

MIGRATIONS = Path(__file__).parent / "migrations"


KERNEL_TABLES = (audit, leader, outbox, throttle)
"""Modules whose tables must be known here; those of the subjects are loaded by `server.app`."""


class BrokenReferences(Exception):
    """A migration left rows that refer to nothing; it was rolled back."""


def migrate(engine: Engine, to: str = "head") -> None:
    """Run the migrations that are still missing, all or none of them."""
    with _unchecked(engine) as connection, connection.begin():
        command.upgrade(_config(connection), to)
        _check_references(connection)


def migrate_back(engine: Engine, to: str) -> None:
    """Go back to an older version; `base` removes every table."""
    with _unchecked(engine) as connection, connection.begin():
        command.downgrade(_config(connection), to)
        _check_references(connection)


def write_migration(engine: Engine, revision: str, message: str) -> None:
    """Write a migration from what the models have and the database lacks; look it over before use."""
    with _unchecked(engine) as connection, connection.begin():
        command.revision(_config(connection), message, autogenerate=True, rev_id=revision)


def present_version(engine: Engine) -> str | None:
    """Return the version of the database, None where it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_version() -> str | None:
    """Return the version that this program needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def is_current(engine: Engine) -> bool:
    """Tell whether the database is at the version that this program needs."""
    return present_version(engine) == newest_version()


def differences(engine: Engine) -> list[Any]:
    """Return what the database's tables lack or have too much, compared with the models."""
    with engine.connect() as connection:
        present = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(present, Record.metadata))


@contextmanager
def _unchecked(engine: Engine) -> Generator[Connection]:
    # Changing a table on SQLite makes a new one and drops the old. With foreign keys on, the drop would
    # silently delete every row that refers to it, and the switch has no effect within a transaction.
    with for_writing(engine).connect() as connection:
        if engine.dialect.name != "sqlite":
            yield connection
            return
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA foreign_keys=OFF").close()
        try:
            yield connection
        finally:
            raw.execute("PRAGMA foreign_keys=ON").close()


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise BrokenReferences(f"rows without what they refer to, in: {tables}")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
