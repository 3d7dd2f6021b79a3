"""Wipes what was deleted out of the database's files: a deleted row must not lie on in a free page or in the log."""

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from server.kernel.database import for_writing
from server.kernel.outbox import Outgoing, SendFailed
from server.kernel.work import Office

log = structlog.get_logger(__name__)

KIND = "wipe"
"""Outbox rows of this kind are sent to the database itself, after the commit that deleted something."""


class Wiper:
    """The sender of those rows: a payload with `whole` has the file written anew as well."""

    def __init__(self, office: Office) -> None:
        """Take the office whose database it is."""
        self._engine = office.engine

    def __call__(self, row: Outgoing) -> None:
        """Wipe, and try again later where others use the database just now."""
        try:
            wipe(self._engine, whole=bool(row.payload.get("whole")))
        except OperationalError as error:
            raise SendFailed("the database was busy") from error


def wipe(engine: Engine, *, whole: bool) -> None:
    """Empty SQLite's write-ahead log into the file; `whole`: write the file anew, or have PostgreSQL clean its tables.

    SQLite overwrites deleted content with zeros as it goes (`secure_delete`, see `database`), but the log holds
    earlier versions of pages until it is emptied, and moved rows may leave bytes behind until the file is rewritten
    (https://www.sqlite.org/pragma.html#pragma_secure_delete, https://www.sqlite.org/lang_vacuum.html).
    """
    raw = for_writing(engine).raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            cursor = raw.cursor()
            if whole:
                cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (0,)
            cursor.close()
            if busy:
                raise OperationalError("wal_checkpoint", None, TimeoutError("readers hold the log"))
        elif whole:
            connection = raw.driver_connection
            if connection is not None:
                connection.autocommit = True
                connection.execute("VACUUM")
                connection.autocommit = False
    finally:
        raw.close()
