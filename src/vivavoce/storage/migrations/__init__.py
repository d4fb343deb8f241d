"""The steps from one schema to the next, run by migrate.py through Alembic. Shipped with the package."""
