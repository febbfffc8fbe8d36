"""What linters cannot say about this house."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gateway.web.routes import API

ROOT = Path(__file__).parents[2]
WRITTEN = {".py", ".ts", ".js", ".css", ".html"}
LONGEST_FILE, LONGEST_SHEET, LONGEST_FUNCTION = 300, 400, 60
MOST_MODULES = 16
"""In a room, beside the one that says what it is for."""
MAY_CATCH_EVERYTHING = {"gateway/supervise.py", "gateway/web/http/middleware.py", "gateway/store/engines/sqlite.py"}
WITHOUT_A_NOUN = {"utils", "util", "helpers", "helper", "common", "services", "models", "manager", "settings", "misc"}
# Metaphors and words of a dialect, as names and in sentences: the field has a term for each.
UNUSED_WORDS = re.compile(
    r"(?<![a-z])(ears?|shel(?:f|ves)|watch(?:man|men)|doorbells?|bells?|tills?|wiretaps?|oracles?"
    r"|verdicts?|hears?|heard|deaf|strangers?|purses?|stubborn)(?![a-z])",
    re.IGNORECASE,
)
# Names that operators and embedding pages know, and so stay.
KNOWN_NAMES = re.compile(r"stream_deaf|--purse|\btill (?=sheet|\")|\"till\"")
SECRET = re.compile(r"secret|signature|preimage|token|key_hash|macaroon|api_key|operator_key", re.IGNORECASE)
# Values that are named after secrets and are none.
PUBLIC = re.compile(r"preimage_only|_bytes$|token_id|tokens?_shown", re.IGNORECASE)


def files(*folders: str, suffixes: set[str] | None = None) -> list[Path]:
    """Our own files, by their place in the checkout."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    return [p for p in found if p.suffix in (suffixes or {".py"}) and not {"__pycache__", "node_modules"} & {*p.parts}]


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module of these folders, or of the gateway, parsed."""
    for path in files(*folders or ("gateway",)):
        yield place(path), parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_files_that_are_checked_are_there() -> None:
    assert len(files("gateway")) > 60
    assert len(files("tests")) > 40


@pytest.mark.parametrize("folder", ["gateway", "tests", "tools", "paywall/src"])
def test_no_file_is_longer_than_a_noun_needs(folder: str) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in files(folder, suffixes=WRITTEN)}
    longest = {path: LONGEST_SHEET if path.suffix == ".css" else LONGEST_FILE for path in lengths}
    assert {place(path): length for path, length in lengths.items() if length > longest[path]} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{name}: {function.name}"
        for name, tree in trees("gateway", "tests", "tools")
        for function in functions(tree)
        if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_every_module_is_named_by_a_noun_of_its_own() -> None:
    assert [place(p) for p in files("gateway", "tests", "tools") if {p.stem, *p.parent.parts} & WITHOUT_A_NOUN] == []


def test_every_room_is_small_and_says_what_it_is_for() -> None:
    rooms: dict[Path, set[str]] = {}
    for path in files("gateway", "tests", "tools"):
        rooms.setdefault(path.parent, set()).add(path.stem)
    versions = ROOT / "gateway/store/engines/migrations/versions"
    assert {place(room): len(names) - 1 for room, names in rooms.items() if len(names) > MOST_MODULES + 1} == {}
    for room in rooms.keys() - {versions}:
        assert ast.get_docstring(parsed(room / "__init__.py")), place(room)


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [("gateway", ".py"), ("tests", ".py"), ("tools", ".py"), ("docs", ".md"), ("paywall/src", ".ts")],
)
def test_no_word_is_used_that_only_its_inventor_reads(folder: str, suffix: str) -> None:
    paths = [path for path in files(folder, suffixes={suffix}) if path != Path(__file__)]
    texts = {place(path): KNOWN_NAMES.sub("", path.read_text()) for path in paths}
    assert {name: found for name, text in texts.items() if (found := {*UNUSED_WORDS.findall(text)})} == {}


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = [] if handler.type is None else [node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)]
    return handler.type is None or bool({"Exception", "BaseException"} & {*caught})


def test_everything_is_caught_at_the_edges_only() -> None:
    catching = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    }
    assert catching == MAY_CATCH_EVERYTHING


def _names_a_secret(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return False
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return bool(SECRET.search(name)) and not PUBLIC.search(name) and not name.isupper()


def test_a24_no_secret_is_compared_but_in_constant_time() -> None:
    compared = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(_names_a_secret(side) for side in (node.left, *node.comparators))
    ]
    assert compared == []


def test_a24_the_look_for_compared_secrets_finds_one() -> None:
    wrong = ast.parse("if request.signature == expected: pass\nif key_hash != b: pass\nif preimage_only == 1: pass")
    found = [node for node in ast.walk(wrong) if isinstance(node, ast.Compare) and _names_a_secret(node.left)]
    assert len(found) == 2


def test_every_handler_of_a_route_says_what_it_answers() -> None:
    for route in API:
        docstring = route.handler.__doc__ or ""
        assert docstring.startswith(f"{route.method} {route.path}"), f"{route.handler.__name__}: {docstring}"


# How a test would let real time pass, or read how much has passed; scripts for pages and statements of SQL among them.
SLEEPS = re.compile(r"\b(sleep|wait_for_timeout|call_later|call_at|setTimeout|setInterval|pg_sleep)\b")
MEASURES = {"perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns"}
# They look again and again, or delay what passes through them.
MAY_SLEEP = {"tests/support/clock.py", "tests/support/tcp_proxy.py", "tests/support/page_examples.py"}
# A program that a test starts to have something that it can stop.
PROGRAM = re.compile(r"/bin/sleep|exec sleep")


def sleeps_of(tree: ast.Module) -> set[str]:
    """What in a module lets real time pass or measures it: names, imports, and the strings that others run."""
    found: set[str] = set()
    for node in ast.walk(tree):
        names = [node.attr] if isinstance(node, ast.Attribute) else [node.id] if isinstance(node, ast.Name) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom | ast.Import) else []
        found |= {name for name in names if SLEEPS.fullmatch(name)}
        called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
        found |= {called} & MEASURES
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "(" in node.value:
            found |= {*SLEEPS.findall(PROGRAM.sub("", node.value))}
    return found


def test_no_test_sleeps_or_measures_by_the_wall_clock() -> None:
    sleeping = {name: found for name, tree in trees("tests") if (found := sleeps_of(tree))}
    assert sleeping.keys() - {place(Path(__file__))} == MAY_SLEEP & sleeping.keys(), sleeping


@pytest.mark.parametrize(
    "code",
    [
        "await asyncio.sleep(1)",
        "time.sleep(1)",
        "from time import sleep",
        "from time import sleep as rest",
        "from asyncio import sleep",
        "await page.wait_for_timeout(100)",
        "loop.call_later(1, work)",
        "loop.call_at(1, work)",
        "gevent.sleep()",
        "wait = asyncio.sleep",
        "began = time.monotonic()",
        "began = perf_counter()",
        "await page.evaluate('() => new Promise(done => setTimeout(done, 100))')",
        "execute('SELECT pg_sleep(0.2)')",
    ],
)
def test_every_way_to_sleep_is_found(code: str) -> None:
    assert sleeps_of(ast.parse(code, mode="exec")) != set()


def test_no_test_skips_or_mocks() -> None:
    for name, tree in trees("tests"):
        attributes = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        imported |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not {module.partition(".")[0] for module in imported} & {"mock", "pytest_mock"}, name
        assert "unittest.mock" not in imported, name
        assert "skipif" not in attributes, name
        assert name.endswith("conftest.py") or "skip" not in attributes, name


# A number that a test changes is an argument; what a test breaks is an object, a file, a database, a connection.
PATCHING = {"setattr", "delattr", "setitem", "delitem"}
OURS = ("gateway", "tools")


def patches_of(tree: ast.Module) -> set[str]:
    """What a test sets or deletes in a module or a class of ours, or in what they hold."""
    targets, imported = [], {*OURS}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in OURS:
            imported |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            imported |= {a.asname for a in node.names if a.asname and a.name.partition(".")[0] in OURS}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in PATCHING:
            targets += node.args[:1]
        elif isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            targets.append(node)
    # What a call gives is an object, and no module or class.
    names = {said: re.match(r"'?(\w+)(?!\w|\()", said) for said in map(ast.unparse, targets)}
    return {said for said, name in names.items() if name and name[1] in imported}


def test_no_test_patches_a_module_or_a_class() -> None:
    assert {name: found for name, tree in trees("tests", "tools") if (found := patches_of(tree))} == {}


@pytest.mark.parametrize(
    "code",
    [
        "from gateway.settlement import sweep\nmonkeypatch.setattr(sweep, 'PAGE', 1)",
        "from gateway.events.hub import Hub\nmonkeypatch.setattr(Hub, 'wake', silent)",
        "from gateway.simulator import server\nmonkeypatch.setitem(server.STATES, 1, 2)",
        "from gateway.settlement import sweep\nsweep.PAGE = 1",
        "from gateway.settlement import sweep\nsweep.PAGE, sweep.PAGES[0] = 1, 2",
        "from gateway.settlement import sweep\ndel sweep.PAGE",
        "from gateway.settlement import sweep\nsetattr(sweep, 'PAGE', 1)",
        "import gateway.settlement.sweep\ngateway.settlement.sweep.PAGE = 1",
        "import gateway.settlement.sweep as sweeps\nsweeps.PAGE = 1",
        "monkeypatch.setattr('gateway.settlement.sweep.PAGE', 1)",
    ],
)
def test_every_way_to_patch_is_found(code: str) -> None:
    assert patches_of(ast.parse(code)) != set()


# What is printed is escaped in one place. Log lines are JSON, and the answers of a process to a program are no print.
MAY_WRITE = {"gateway/terminal.py", "gateway/log.py", "gateway/simulator/process.py", "gateway/app/render_process.py"}
PRINTING = {"echo", "secho", "style", "print", "pprint", "print_exc", "print_exception"}


def test_what_is_printed_is_printed_by_the_one_place_that_escapes() -> None:
    printing = set()
    for name, tree in trees():
        for node in ast.walk(tree):
            imported = {a.name for a in node.names} if isinstance(node, ast.Import) else set()
            if isinstance(node, ast.ImportFrom):
                imported = {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
            called = ast.unparse(node.func).rpartition(".")[2] if isinstance(node, ast.Call) else ""
            stream = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            if (
                any(module.partition(".")[0] == "rich" for module in imported)
                or {"sys.stdout", "sys.stderr"} & {stream, *imported}
                or called in PRINTING
            ):
                printing.add(name)
    assert printing == MAY_WRITE
