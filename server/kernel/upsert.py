"""INSERT … ON CONFLICT for both databases: what is stored once, or replaced, whoever comes first."""

from typing import Any, cast

from sqlalchemy import Integer, Table, inspect, literal_column
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from server.kernel.database import Record


def upsert(session: Session, table: type[Record]) -> "postgresql.Insert | sqlite.Insert":
    """Return an INSERT into the table that has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    target = table_of(table)
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(target)
    return sqlite.insert(target)


def insert_once(session: Session, table: type[Record], **values: Any) -> bool:  # noqa: ANN401  columns
    """Insert a row unless one with the same key is there; return whether it was inserted.

    Asked by RETURNING: psycopg's row count does not tell.
    """
    statement = upsert(session, table).values(**values).on_conflict_do_nothing()
    returned: Any = statement.returning(literal_column("1", Integer))
    return session.connection().execute(returned).first() is not None


def table_of(table: type[Record]) -> Table:
    """Return the Core table of a SQLModel class, for hot paths that do without objects."""
    return cast("Table", inspect(table).local_table)
