"""The map of the gateway, drawn from the import layers in pyproject.toml and from the imports themselves."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools.reference.markdown import ROOT, table

GATEWAY = ROOT / "gateway"
_WIDTH = 76
# What a room is: a new one gets its kind here.
KINDS = {
    **dict.fromkeys(("cli", "regtest", "demo"), "programs"),
    **dict.fromkeys(("web", "rpc"), "doors"),
    "app": "application",
    **dict.fromkeys(
        ("lnd", "simulator", "store", "rates", "lnaddress", "webhooks", "outgoing", "wire"), "technologies"
    ),
    **dict.fromkeys(("sales", "access", "limits", "settlement", "payouts"), "domain"),
    **dict.fromkeys(("nodes", "books", "catalog", "events", "idempotency", "ports"), "domain"),
    **dict.fromkeys(("rows", "config", "log", "supervise", "terminal", "errors", "money", "crockford"), "vocabulary"),
}


def layers() -> str:
    """The rooms as layers, by kind: each layer imports only from those below it."""
    lines, last = [], ""
    for names in layer_names():
        [kind] = {KINDS[name] for name in names}
        lines += [] if kind == last else [f"{'':─<14}┼{'':─<{_WIDTH - 15}}"]
        shown = "   ".join(f"{name}/" if (GATEWAY / name).is_dir() else f"{name}.py" for name in names)
        lines.append(f"{'' if kind == last else kind:<14}│ {shown}")
        last = kind
    return "```text\n" + "\n".join(lines[1:]) + "\n```\n"


def rooms() -> str:
    """Every room from the bottom up: what it is for, and which rooms it imports."""
    rows = []
    for names in reversed(layer_names()):
        for name in names:
            path = GATEWAY / name
            imported = ", ".join(f"`{each}`" for each in sorted(imports_of(name)))
            shown = f"`{name}/`" if path.is_dir() else f"`{name}.py`"
            rows.append((shown, summary(path / "__init__.py" if path.is_dir() else path.with_suffix(".py")), imported))
    return table(("room", "what it is for", "imports"), rows)


def layer_names() -> list[tuple[str, ...]]:
    """The layers from top to bottom, as import-linter holds the code to them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [drawn] = [each["layers"] for each in contracts if each.get("containers") == ["gateway"]]
    return [tuple(name.strip(" ()") for name in line.replace(":", "|").split("|")) for line in drawn]


def imports_of(room: str) -> set[str]:
    """The other rooms that the modules of a room import."""
    found = {name for path in modules(room) for name in _imported(path)}
    return (found & {path.stem if path.is_file() else path.name for path in all_rooms()}) - {room}


def all_rooms() -> list[Path]:
    """The folders and modules of the package."""
    return [
        path
        for path in sorted(GATEWAY.iterdir())
        if path.stem not in {"__init__", "__main__", "__pycache__"} and (path.is_dir() or path.suffix == ".py")
    ]


def modules(room: str) -> list[Path]:
    """The Python files of a room."""
    path = GATEWAY / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def summary(path: Path) -> str:
    """The first paragraph of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split()).replace("<", r"\<")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gateway"):
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("gateway.")]
