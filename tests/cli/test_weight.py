"""A command imports what it needs: help and version are printed without a database, gRPC, HTTP or pydantic."""

from pathlib import Path

from tests.support.processes.shell import Shell

HEAVY = {"aiohttp", "alembic", "asyncio", "grpc", "lndgrpc", "msgspec", "pydantic", "sqlalchemy", "structlog"}
# typer converts the number of `demo --balance` before it comes to `pay`.
NEEDS_PYDANTIC = ["demo pay"]
TYPED = """
import atexit, sys
atexit.register(lambda: print("loaded:", *sys.modules))
from gateway.cli import main
main()
"""
EVERY_HELP = f"""
NEEDS_PYDANTIC = {NEEDS_PYDANTIC}
import sys
import typer
from gateway.cli import commands

whole = typer.main.get_command(commands())

def walk(group, path):
    if " ".join(path) not in NEEDS_PYDANTIC:
        whole([*path, "--help"], prog_name="tuppence", standalone_mode=False)
        print("shown:", *path)
    for name, command in getattr(group, "commands", {{}}).items():
        walk(command, [*path, name])

walk(whole, [])
print("loaded:", *sys.modules)
"""


async def modules_of(shell: Shell, program: str, *words: str) -> tuple[str, set[str]]:
    """What was printed, and the modules that were imported for it."""
    status, output = await shell.type(*words, program=("-c", program))
    assert status == 0, output
    printed, _, modules = output.rpartition("loaded: ")
    return printed, set(modules.split())


async def test_help_of_every_command_is_printed_without_heavy_modules(tmp_path: Path) -> None:
    printed, modules = await modules_of(Shell(tmp_path), EVERY_HELP)
    assert {"shown: seal", "shown: creator key rotate", "shown: regtest up"} <= {*printed.splitlines()}
    assert not modules & HEAVY


async def test_every_way_to_ask_for_help_is_as_light(tmp_path: Path) -> None:
    for words in (["--help"], ["--version"], ["serve", "--help"], ["creator", "add", "--help"]):
        _, modules = await modules_of(Shell(tmp_path), TYPED, *words)
        assert not modules & HEAVY, words
