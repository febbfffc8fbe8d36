"""A command imports what it needs: help and version are printed without a database, gRPC or HTTP."""

from pathlib import Path

from tests.support.processes.shell import Shell

HEAVY = {"aiohttp", "alembic", "asyncio", "grpc", "lndgrpc", "msgspec", "pydantic_settings", "sqlalchemy", "structlog"}
TYPED = """
import atexit, sys
atexit.register(lambda: print("loaded:", *sys.modules))
from gateway.cli import main
main()
"""
EVERY_HELP = """
import sys
import typer
from gateway.cli import commands

def show(command, path):
    try:
        command.main([*path, "--help"], prog_name="tuppence", standalone_mode=False)
    finally:
        print("shown:", *path)

def walk(group, path):
    show(whole, path)
    for name, command in getattr(group, "commands", {}).items():
        walk(command, [*path, name])

whole = typer.main.get_command(commands())
walk(whole, [])
print("loaded:", *sys.modules)
"""


async def modules_of(shell: Shell, program: str, *words: str) -> tuple[str, set[str]]:
    """What was printed, and the modules that were imported for it."""
    status, output = await shell.type(*words, program=("-c", program))
    assert status == 0, output
    printed, _, modules = output.rpartition("loaded: ")
    return printed, set(modules.split())


async def test_help_of_every_command_is_printed_without_a_database_grpc_or_http(tmp_path: Path) -> None:
    printed, modules = await modules_of(Shell(tmp_path), EVERY_HELP)
    assert {"shown: seal", "shown: creator key rotate", "shown: regtest up"} <= {*printed.splitlines()}
    assert not modules & HEAVY


async def test_help_of_the_whole_and_the_version_are_printed_without_pydantic(tmp_path: Path) -> None:
    for word in ("--help", "--version"):
        _, modules = await modules_of(Shell(tmp_path), TYPED, word)
        assert not modules & (HEAVY | {"pydantic"}), word
