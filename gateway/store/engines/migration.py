"""Migrates a database to the newest schema by Alembic, forward only."""

from importlib.resources import files
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from gateway.errors import Conflict

HEAD = "0011"
"""The newest revision. It stands here so that an up-to-date database needs no import of Alembic; a test compares it."""


def migrate(connection: Connection) -> bool:
    """Migrate; True if anything was done. Raises `Conflict` (`schema_newer`)."""
    if _known_revision(connection) == HEAD:
        return False
    from alembic import command  # noqa: PLC0415  # half a second to import, for migrations only
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_scripts()))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def require_newest_schema(connection: Connection) -> None:
    """Raise `Conflict` (`schema_old`, `schema_newer`) unless the schema is the newest."""
    if _known_revision(connection) != HEAD:
        raise Conflict("schema_old", "The database has an older schema, or none: run `tuppence migrate` first.")


def _known_revision(connection: Connection) -> str | None:
    revision = revision_of(connection)
    if revision is not None and revision > HEAD:
        raise Conflict(
            "schema_newer",
            f"The database has schema {revision}, this Tuppence knows {HEAD}: install the newer one again.",
        )
    return revision


def revision_of(connection: Connection) -> str | None:
    """The database's revision; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _scripts() -> Path:
    return Path(str(files("gateway.store.engines"))) / "migrations"
