"""`tuppence doctor`: the command; `gateway.cli.doctor.examination` does the work."""

import typer

from gateway.cli import run


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor() -> None:
    """Check everything that a payment depends on, and change nothing.

    It compares the database with keys, content and LND nodes, asks the running server whether it is ready, and fetches
    the public address. Each problem is printed with what to do about it. The exit status is 1 if one is marked ✗.
    """
    from gateway.cli.doctor.examination import examine
    from gateway.config import load_config

    if run(examine(load_config())):
        raise typer.Exit(1)
