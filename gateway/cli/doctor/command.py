"""`tuppence doctor`: the command; `gateway.cli.doctor.examination` does the work."""

import typer

from gateway.cli import run


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor() -> None:
    """Compare the books with keys, content and nodes, ask the running server, fetch the public address; change nothing.

    Prints what to do about what is wrong, and exits with 1 where something is marked ✗.
    """
    from gateway.cli.doctor.examination import examine
    from gateway.config import load_config

    if run(examine(load_config())):
        raise typer.Exit(1)
