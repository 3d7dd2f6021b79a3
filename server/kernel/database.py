"""The database: engines for SQLite and PostgreSQL that behave alike, and the base of every table."""

import sqlite3
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, MetaData, String, create_engine, event, make_url
from sqlalchemy import Enum as EnumType
from sqlmodel import SQLModel

from server.kernel.ids import ID_LENGTH

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, or a migration could never drop it."""

WRITING = "genkan_writing"
"""Execution option of connections that mean to write; SQLite then begins with BEGIN IMMEDIATE."""

BUSY_SECONDS = 15
"""How long a writer waits for another on SQLite before it gives up."""


ID_COLUMN: Any = String(ID_LENGTH)
"""Column type of the ids that `Ids.new` makes: `id: VisitId = Field(primary_key=True, sa_type=ID_COLUMN)`."""


_POOL: dict[str, Any] = {
    "pool_size": 20,
    "max_overflow": 40,
    # Errors would carry a statement's values into the logs.
    "hide_parameters": True,
}


class Record(SQLModel):
    """Base of every table. Name tables `<subject>_<thing>`, for example `places_zone`."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)  # pyright: ignore[reportIncompatibleVariableOverride]


def text(length: int) -> Any:  # noqa: ANN401  sa_type is typed as a class, an instance works
    """Return the column type of text of at most `length` characters.

    A field whose type is a NewType needs it: `site: SiteCode = Field(sa_type=text(3))`.
    """
    return String(length)


def stored_as_text(kind: type[Enum]) -> Any:  # noqa: ANN401  sa_type is typed as a class, an instance works
    """Return the column type of an enum: its values as text, for native enums break migrations.

    Use as `state: State = Field(sa_type=stored_as_text(State))`.
    """
    return EnumType(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=_values,
    )


def _values(members: type[Enum]) -> list[str]:
    return [member.value for member in members]


def open_database(url: str) -> Engine:
    """Return an engine for the URL; for SQLite the folder is made and every connection set up."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return create_engine(address, pool_pre_ping=True, **_POOL)
    if address.database in (None, "", ":memory:"):
        raise ValueError(
            "SQLite needs a file: a database in memory is not shared between processes"
        )
    Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS}, **_POOL)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def for_writing(engine: Engine) -> Engine:
    """Return the engine for work that writes: on SQLite it takes the write lock at the start."""
    return engine.execution_options(**{WRITING: True})


def for_reading(engine: Engine) -> Engine:
    """Return the engine for queries: PostgreSQL refuses writes on it."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(postgresql_readonly=True)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's sqlite3 must not begin transactions by itself: it forgets to before a SELECT
    # (SQLAlchemy, "Using SQLAlchemy to emit BEGIN in lieu of SQLite's transaction control").
    connection.isolation_level = None
    # What is deleted is overwritten with zeros: somebody asked us to forget it.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails with "database is locked" under load.
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
