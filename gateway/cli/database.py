"""`tuppence migrate`, `move`, `backup`, `restore` and `purge`: the database as a whole."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import run
from gateway.cli.admin_call import admin_call
from gateway.cli.existing_gateway import may_create, require_gateway
from gateway.errors import NotFound
from gateway.terminal import say, show_table


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(move)
    app.command()(backup)
    app.command()(restore)
    app.command()(purge)


@may_create
def migrate() -> None:
    """Migrate the database to the newest schema, as every start does.

    On SQLite stop the server first. On PostgreSQL replicas may run; if several migrate at once, one does it and the
    others wait.
    """
    from gateway.config import load_config
    from gateway.store.engines.database import migrate_database
    from gateway.store.engines.database_url import sqlite_path
    from gateway.store.files.lock import lock_data

    config = load_config()
    # On SQLite one process owns the database; on PostgreSQL an advisory lock makes others wait.
    owned = nullcontext() if sqlite_path(config.database_url) is None else lock_data(config.data_dir)
    with owned:
        moved = run(migrate_database(config.database_url))
    say("migrated" if moved else "the schema is the newest already")


def move(
    to: Annotated[
        str, typer.Option("--to", help="An empty database: postgresql+asyncpg://user:password@host/database")
    ],
) -> None:
    """Copy the database from SQLite to PostgreSQL.

    Stop the server first. The copy is one transaction, audited and compared before it is committed. The SQLite file
    stays, with its payouts paused, so that it never pays what the copy pays; keys and content stay where they are.
    """
    from gateway.config import load_config
    from gateway.store.engines.move_to_postgres import move_database
    from gateway.store.files.lock import lock_data

    config = load_config()
    run(require_gateway(config, reads=False))
    with lock_data(config.data_dir):
        counts = run(move_database(config.database_url, to, now=int(time.time())))
    show_table(("table", "rows"), [(name, str(count)) for name, count in counts.items()])
    say("Moved. Set TUPPENCE_DATABASE_URL to the new address, then start the server.")


def backup(file: Annotated[Path, typer.Argument(help="The file to create, best on another disk.")]) -> None:
    """Write database, keys and content to one file.

    It is safe beside a running server. Keep the file as secret as the keys in it.
    """
    from gateway.config import load_config
    from gateway.store.engines.archive import write_archive

    config = load_config()
    run(require_gateway(config, reads=True))
    size = run(write_archive(file, config.database_url, config.shared_folder, now=int(time.time())))
    say(f"{file}: {size:,} bytes. Keep it as secret as the keys in it.")


@may_create
def restore(file: Annotated[Path, typer.Argument(help="A file that `tuppence backup` wrote.")]) -> None:
    """Restore a backup to a new data folder.

    Where TUPPENCE_DATABASE_URL names a PostgreSQL database, which must be empty, the books are restored to that.
    """
    from gateway.config import load_config
    from gateway.store.engines.archive import read_archive
    from gateway.store.files.lock import lock_data

    config = load_config()
    if not file.is_file():
        raise NotFound("archive_missing", f"There is no archive at {file.absolute()}.")
    with lock_data(config.data_dir):
        run(read_archive(file, config.database_url, config.shared_folder))
    say("Restored. What was settled since then is found at the node when the server starts. Payouts are paused.")


def purge(
    now: Annotated[bool, typer.Option("--now", help="Ignore ages; rewrite the files.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    """Delete expired records, as the server does every hour.

    Unpaid invoices expire a day after they are final at LND, payment requests 30 days after they were paid, names and
    messages of tips after TUPPENCE_TIP_NOTE_DAYS, and where a refund was sent a day after that. With --now all that
    are final are deleted, and the database files are rewritten, while payments wait. Older backups still hold the
    records.
    """
    purged = admin_call("POST", "/v1/admin/purges", json={"at_once": now})
    say(
        f"{purged['unpaid']} unpaid invoices, {purged['payment_requests']} payment requests, "
        f"{purged['notes']} notes beside tips and {purged['destinations']} destinations of refunds are gone."
    )
