"""`tuppence key add`: rotation of the keys behind access tokens."""

import typer

from gateway.cli import run
from gateway.cli.command_group import CommandGroup
from gateway.cli.existing_gateway import require_gateway, require_keys
from gateway.terminal import say

keys = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="Manage the keys behind access tokens.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="key")


@keys.command("add")
def add_key() -> None:
    """Add a key for new access tokens.

    Running gateways use it within 10 s. Older tokens stay valid. Back up the keys again: without them nothing that was
    sold can be opened.
    """
    from gateway.config import load_config
    from gateway.store.files.keyring import FileKeyRing

    config = load_config()
    run(require_gateway(config, reads=False))
    require_keys(config)
    say(f"{FileKeyRing.add(config.shared_folder / 'keys')} added; back it up")
