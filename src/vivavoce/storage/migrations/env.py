"""What Alembic runs for each command: on the connection, and in the transaction, that migrate.py hands it."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite does it too, given a BEGIN that comes before the first statement (database.py sees to that).
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
