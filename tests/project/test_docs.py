"""The documentation is true: its examples run, its generated parts are as the code has them, and its site builds."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gateway.config import OF_COMMANDS, PREFIX, Config, load_config
from gateway.lnd.configuration import ONE_NODE_ID, configured_nodes
from gateway.store.files.wallets import read_wallets
from tests.real.network import shared_network
from tests.support.databases import in_a_thread
from tests.support.page_examples import WORLDS, Example, examples, is_as_shown, script, substitute, typed_commands
from tests.support.processes.demo_process import free_port, run_demo
from tests.support.processes.forked_commands import put_command
from tests.support.processes.shell import Shell, simulated_lnd
from tools.reference import embed
from tools.reference.architecture import all_rooms, imports_of, layer_names
from tools.reference.commands import leaves
from tools.reference.markdown import ROOT
from tools.reference.pages import DOCS, PAGES, PARTS, parts_in_use, renewed

ADDRESS = "127.0.0.1:8402"
DATABASE = "postgresql+asyncpg://tuppence:password@db.example/tuppence"
OWN_PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "ops" / "README.md"]
WRITTEN = [*OWN_PAGES, *sorted(DOCS.rglob("*.md")), *ROOT.glob("paywall/integrations/*/README.md")]
# Followed word by word by a test of their own.
ELSEWHERE = {
    ROOT / "paywall" / "integrations" / name / "README.md" for name in ("astro", "ghost", "html", "hugo", "jekyll")
}
MARKS = {"postgres": pytest.mark.postgres, "regtest": pytest.mark.regtest}
LONGEST_SECONDS = 180.0


def place(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def by_world() -> Iterator[Any]:
    for page in WRITTEN:
        if page not in ELSEWHERE:
            found = {example.world for example in examples(page)} - {""}
            for world in sorted(found):
                yield pytest.param(page, world, id=f"{place(page)}-{world}", marks=MARKS.get(world, ()))


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `tuppence` that starts quickly."""
    folder = tmp_path_factory.mktemp("programs")
    put_command(folder)
    return folder


@pytest.fixture
def network(world: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The folder of the real network that the tests of this run share, for pages that need one."""
    return shared_network(pytestconfig, tmp_path_factory) if world == "regtest" else None


@asynccontextmanager
async def world_of(
    name: str, folder: Path, network: Path | None, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Mapping[str, str], Mapping[str, str]]]:
    """The variables that commands need, and what stands for the addresses of the documentation."""
    if name == "demo":
        async with run_demo(folder) as url:
            yield {"TUPPENCE_LISTEN": url.removeprefix("http://")}, {ADDRESS: url.removeprefix("http://")}
    elif network is not None:
        (folder / ".tuppence").mkdir()
        (folder / ".tuppence" / "regtest").symlink_to(network)
        listen = f"127.0.0.1:{free_port()}"
        yield {"TUPPENCE_LISTEN": listen}, {ADDRESS: listen}
    else:
        shell = Shell(folder)
        async with simulated_lnd(shell):
            replaced = {ADDRESS: shell.variables["TUPPENCE_LISTEN"]}
            if name == "postgres":
                cluster = request.getfixturevalue("cluster")
                # Over TCP: the address of a socket contains &, at which a shell ends the command.
                replaced[DATABASE] = cluster.tcp_url(in_a_thread(cluster.new_database("template0")))
            yield shell.variables, replaced


@pytest.mark.parametrize(("page", "world"), list(by_world()))
async def test_the_commands_of_a_page_do_what_it_says(
    page: Path, world: str, network: Path | None, programs: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    async with world_of(world, tmp_path, network, request) as (variables, replaced):
        for example in examples(page):
            if example.file:
                (tmp_path / example.file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / example.file).write_text(substitute(example.text, replaced))
        steps, expected = script([each for each in examples(page) if each.world == world], replaced)
        printed = await run_steps(steps, tmp_path, variables, programs)
    assert len(printed) == len(expected), printed[-1]
    for output, shown in zip(printed, expected, strict=True):
        assert is_as_shown(output, shown), f"{output}\nis not as shown:\n{shown}"


async def run_steps(steps: str, folder: Path, variables: Mapping[str, str], programs: Path) -> list[str]:
    """Run a script, which finds `tuppence` in `programs`; gives what each step printed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    path = os.pathsep.join(map(str, (programs, Path(sys.executable).parent, os.environ["PATH"])))
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", steps),
        cwd=folder,
        env={**inherited, **variables} | {"PATH": path, "COLUMNS": "250", "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    finally:
        # A server that the script left running.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    assert process.returncode == 0, output.decode()
    return re.split(r"\n@@ \d+\n", output.decode())[1:]


@pytest.mark.parametrize("page", WRITTEN, ids=place)
def test_every_block_says_how_it_is_checked_or_why_it_is_not(page: Path) -> None:
    undeclared = [f"{place(page)}:{each.line}" for each in examples(page) if not each.is_declared]
    assert page in ELSEWHERE or undeclared == []


@pytest.mark.parametrize("page", WRITTEN, ids=place)
def test_every_command_and_option_exists(page: Path) -> None:
    known = dict(leaves())
    text = page.read_text(encoding="utf-8")
    typed = [*re.findall(r"`(tuppence [^`…]+)`", text)]
    typed += [each.text for each in examples(page) if each.language in {"sh", "console"}]
    for words in (words for lines in typed for words in typed_commands(lines, "tuppence")):
        found = max((path for path in known if is_prefix(path.split()[1:], words)), key=len, default=None)
        is_example = words[0].isupper() or words[0] in {"--help", "--version"}
        is_group = any(path.startswith(" ".join(("tuppence", *words[:1]))) for path in known)
        assert found or is_group or is_example, words
        if found:
            allowed = {option for parameter in known[found].params for option in _spellings(parameter)} | {"--help"}
            assert {word.partition("=")[0] for word in words if word.startswith("-")} <= allowed, words


def is_prefix(path: list[str], words: list[str]) -> bool:
    return words[: len(path)] == path


def _spellings(parameter: Any) -> list[str]:
    return [*getattr(parameter, "opts", ()), *getattr(parameter, "secondary_opts", ())]


@pytest.mark.parametrize("page", WRITTEN, ids=place)
def test_every_make_target_and_variable_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    typed = "\n".join([*re.findall(r"`([^`\n]+)`", text), *(each.text for each in examples(page))])
    assert {*re.findall(r"(?m)(?:^|&& )make ([a-z]+)\b", typed)} <= targets
    known = {f"{PREFIX}{name.upper()}" for name in Config.model_fields} | {*OF_COMMANDS}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b(?!…)", text))
    assert {name for name in named if name not in known and not name.endswith("_")} == set()


def test_every_variable_that_is_shown_has_a_valid_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [each for page in WRITTEN for each in examples(page) if each.role == "variables" or each.file == ".env"]
    assert len(shown) > 3
    for example in shown:
        lines = [line.partition(" #")[0].strip() for line in example.text.splitlines() if "=" in line]
        values = dict(line.split("=", 1) for line in lines)
        Config(**{name.removeprefix(PREFIX).lower(): value for name, value in values.items()})  # type: ignore[arg-type]


def test_the_file_of_several_nodes_is_one(tmp_path: Path) -> None:
    [shown] = [each for each in examples(DOCS / "guides" / "nodes.md") if each.file == "nodes.toml"]
    (tmp_path / shown.file).write_text(shown.text)
    nodes = configured_nodes(load_config(lnd_nodes=tmp_path / shown.file))
    assert [node.node_id for node in nodes] == [ONE_NODE_ID, "north"]


def test_the_file_of_wallets_is_one(tmp_path: Path) -> None:
    [shown] = [each for each in examples(DOCS / "reference" / "configuration.md") if each.file == "wallets.toml"]
    (tmp_path / shown.file).write_text(shown.text)
    assert [wallet.languages for wallet in read_wallets(tmp_path / shown.file)] == [(), ("es", "pt-BR")]


class Tags(HTMLParser):
    """The embed's elements in a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, set[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.startswith("tuppence-"):
            self.found.append((tag, {name for name, _ in attrs}))


def test_every_element_that_is_shown_has_attributes_that_exist() -> None:
    shown: list[Example] = [e for page in WRITTEN for e in examples(page) if e.language == "html"]
    tags = Tags()
    for example in shown:
        tags.feed(example.text)
    assert {tag for tag, _ in tags.found} == {"tuppence-paywall", "tuppence-tip", "tuppence-button"}
    for tag, names in tags.found:
        kind = tag.removeprefix("tuppence-").capitalize()
        # What `tuppence seal` reads beside them: who sells it, and for what.
        allowed = {*embed.members("Common"), *embed.members(f"Tuppence{kind}Attributes"), "creator", "price", "share"}
        assert names <= allowed, tag


def test_every_property_and_part_that_is_described_is_the_embeds() -> None:
    sources = "".join(
        path.read_text() for path in (ROOT / "paywall" / "src").rglob("*") if path.suffix in {".css", ".ts"}
    )
    assert set(re.findall(r"--tuppence-[a-z-]+", sources)) == {*embed.PROPERTIES}
    assert {*embed.PARTS} <= set(re.findall(r'part: "(\w+)"', sources))


# Generated parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_the_generated_parts_are_as_the_code_has_them(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == renewed(page), "run: make docs"


def test_every_part_that_can_be_generated_is_in_a_page() -> None:
    assert parts_in_use() == {*PARTS}


def test_the_diagram_shows_every_room_and_no_import_points_up() -> None:
    """But for those that pyproject.toml still excuses."""
    depth = {name: number for number, names in enumerate(layer_names()) for name in names}
    assert {path.stem if path.is_file() else path.name for path in all_rooms()} == set(depth)
    pyproject = (ROOT / "pyproject.toml").read_text()
    excused = {(above, below) for below, above in re.findall(r'"gateway\.(\w+)\S* -> gateway\.(\w+)', pyproject)}
    upward = {(to, room) for room in depth for to in imports_of(room) if depth[to] <= depth[room]}
    assert upward <= excused


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("### Pages that embed", "**A gateway at a path"), ("**A gateway at a path", "**A sealed page")],
)
def test_the_refunds_that_a_script_can_claim_are_named(begins: str, ends: str) -> None:
    _, _, after = (ROOT / "SECURITY.md").read_text().partition(begins)
    section, found, _ = after.partition(ends)
    assert found
    assert "refund" in section


# The site -------------------------------------------------------------------------------------------------------------


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = (*(sys.executable, "-m", "sphinx"), *("-W", "--keep-going", "-q", "-c", "docs", ".", str(tmp_path)))
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    assert (tmp_path / "index.html").exists()
    html = (tmp_path / "docs" / "README.html").read_text()
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"https?://", html)


def test_the_worlds_are_all_in_use() -> None:
    assert {example.world for page in WRITTEN for example in examples(page)} - {""} == {*WORLDS}
