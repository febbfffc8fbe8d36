"""The Alembic migrations, forward only."""
