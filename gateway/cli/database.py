"""`tuppence migrate`."""

import typer

from gateway.cli import run
from gateway.config import load_config


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)


def migrate() -> None:
    """Bring the database to the newest schema. Every start does so too; of several at once one does it."""
    from gateway.store.database import migrate_database  # noqa: PLC0415  # --help need not load the world

    moved = run(migrate_database(load_config().database_url))
    typer.echo("migrated" if moved else "the schema is the newest already")
