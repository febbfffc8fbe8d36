"""Alembic migrations; forward only."""
