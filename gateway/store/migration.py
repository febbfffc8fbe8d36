"""Bring a database to the newest schema; forward only."""

from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, inspect, text

HEAD = "0007"
"""The newest revision, so that an up-to-date database starts without loading Alembic; a test compares it."""


def migrate(connection: Connection) -> bool:
    """Migrate; gives whether anything had to be done."""
    if revision_of(connection) == HEAD:
        return False
    from alembic import command  # noqa: PLC0415  # half a second that only a migration needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_scripts()))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def revision_of(connection: Connection) -> str | None:
    """The database's revision; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _scripts() -> Path:
    return Path(str(files("gateway.store"))) / "migrations"
