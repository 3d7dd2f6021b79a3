"""The database's tables, step by step: Alembic's environment and its versions."""
