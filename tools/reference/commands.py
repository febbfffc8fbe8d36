"""The reference of the command line."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from gateway.cli import commands as command_line
from tools.reference.markdown import table


def commands() -> str:
    """Every command: its usage, what it does, its arguments and options."""
    return "\n".join(_section(path, command) for path, command in leaves())


def leaves() -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, in the order of the help, with its words: `creator key rotate`."""
    yield from _below("tuppence", typer.main.get_command(command_line()))


def _below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", {})
    if not inner or command.invoke_without_command:
        yield path, command
    for name, each in inner.items():
        yield from _below(f"{path} {name}", each)


def _section(path: str, command: Any) -> str:
    context = typer.Context(command, info_name=path)
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and parameter.name != "help":
            rows.append((f"`{record[0].strip()}`", _plain(record[1])))
    usage = command.get_usage(context).removeprefix("Usage: ")
    parts = [f"## {path}\n", f"```text\n{' '.join(usage.split())}\n```\n", f"{_plain(command.help or '')}\n"]
    if rows:
        parts.append(table(("argument or option", "meaning"), rows))
    return "\n".join(parts)


def _plain(text: str) -> str:
    return re.sub(r"<(?=[a-z!])", r"\\<", text.strip())
