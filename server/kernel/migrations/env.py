"""Runs migrations on one connection: Alembic calls it, `server.kernel.schema` gives it the connection."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import DateTime, Enum, String

from server.kernel.database import Record


def plain_type(kind: str, column: Any, _imports: object) -> str | Literal[False]:  # noqa: ANN401  whatever Alembic renders
    """Write column types in SQLAlchemy's own words: a migration must not change when our enums do."""
    if kind != "type":
        return False
    found = getattr(column, "impl_instance", column)
    if isinstance(found, DateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(found, Enum | String):
        return f"sa.String(length={found.length})" if found.length else "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Record.metadata,
    render_as_batch=True,
    render_item=plain_type,
    compare_type=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
