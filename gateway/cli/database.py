"""`tuppence migrate`, `move`, `backup`, `restore` and `purge`."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import run
from gateway.cli.admin_call import admin_call
from gateway.cli.presence import makes, require_gateway
from gateway.errors import NotFound
from gateway.terminal import say, show_table


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(move)
    app.command()(backup)
    app.command()(restore)
    app.command()(purge)


@makes
def migrate() -> None:
    """Bring the database to the newest schema, which every start does too.

    Stop a server on SQLite first; on PostgreSQL replicas may run, and of several at once one does it.
    """
    from gateway.config import load_config
    from gateway.store.engines.database import migrate_database
    from gateway.store.engines.database_url import sqlite_path
    from gateway.store.files.lock import lock_data

    config = load_config()
    # On SQLite one process owns the database; on PostgreSQL others wait for the one that migrates.
    owned = nullcontext() if sqlite_path(config.database_url) is None else lock_data(config.data_dir)
    with owned:
        moved = run(migrate_database(config.database_url))
    say("migrated" if moved else "the schema is the newest already")


def move(
    to: Annotated[
        str, typer.Option("--to", help="The empty database: postgresql+asyncpg://user:password@host/database")
    ],
) -> None:
    """Copy the books from SQLite to PostgreSQL, in one transaction, counted and audited on both sides.

    Stop the server first. The SQLite file stays as it is; keys and content stay where they are.
    """
    from gateway.config import load_config
    from gateway.store.engines.move_to_postgres import move_database
    from gateway.store.files.lock import lock_data

    config = load_config()
    run(require_gateway(config, reads=False))
    with lock_data(config.data_dir):
        counts = run(move_database(config.database_url, to))
    show_table(("table", "rows"), [(name, str(count)) for name, count in counts.items()])
    say("Moved. Set TUPPENCE_DATABASE_URL to the new address, then start the server.")


def backup(file: Annotated[Path, typer.Argument(help="A new file, on another disk.")]) -> None:
    """Write database, keys and content to one file; safe beside a running server. Whoever has it has the keys."""
    from gateway.config import load_config
    from gateway.store.engines.archive import write_archive

    config = load_config()
    run(require_gateway(config, reads=True))
    size = run(write_archive(file, config.database_url, config.shared_folder))
    say(f"{file}: {size:,} bytes. Keep it as secret as the keys in it.")


@makes
def restore(file: Annotated[Path, typer.Argument(help="What `tuppence backup` wrote.")]) -> None:
    """Put a backup into an empty data folder and, with TUPPENCE_DATABASE_URL, into an empty PostgreSQL database."""
    from gateway.config import load_config
    from gateway.store.engines.archive import read_archive
    from gateway.store.files.lock import lock_data

    config = load_config()
    if not file.is_file():
        raise NotFound("archive_missing", f"There is no archive at {file.absolute()}.")
    with lock_data(config.data_dir):
        run(read_archive(file, config.database_url, config.shared_folder))
    say("Restored. What was settled since then is found at the node when the server starts.")


def purge(
    now: Annotated[bool, typer.Option("--now", help="Whatever its age; and write the files anew.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    """Delete what is no longer needed, as the server does every hour.

    Unpaid invoices a day after LND's final word, payment requests 30 days after they were paid, names and messages
    beside tips after TUPPENCE_TIP_NOTE_DAYS. With --now all of it that is final, and out of the database's files:
    payments wait meanwhile. Backups made before still hold it.
    """
    purged = admin_call("POST", "/v1/admin/purges", json={"at_once": now})
    say(
        f"{purged['unpaid']} unpaid invoices, {purged['payment_requests']} payment requests and "
        f"{purged['notes']} notes beside tips are gone."
    )
