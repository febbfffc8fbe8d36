"""The README is true: what it shows as commands and code is run as it stands there."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.lnd.configuration import ONE_NODE_ID, configured_nodes
from tests.support.demo_process import run_demo
from tools.readme import README, ROOT, renew

ADDRESS = "http://127.0.0.1:8402"
PAID_WORDS = "<p>"
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("ops/*.md")]


def test_the_made_parts_are_as_the_code_has_them() -> None:
    assert README.read_text() == renew(README.read_text())


def test_the_korean_readme_shows_the_same_commands() -> None:
    korean = README.with_name("README.ko.md").read_text()
    shown = re.findall(r"```(?:sh|python)\n.*?```", korean, re.DOTALL)
    assert len(shown) == len(re.findall(r"```(?:sh|python)\n", README.read_text()))
    assert [block for block in shown if block not in README.read_text()] == []


@pytest.mark.parametrize("page", [str(path.relative_to(ROOT)) for path in PAGES])
def test_every_link_to_a_file_leads_to_one(page: str) -> None:
    linked = re.findall(r"\]\(([^)\s]+)|(?:src|href|srcset)=\"([^\"]+)\"", (ROOT / page).read_text())
    paths = {(one or other).partition("#")[0] for one, other in linked if ":" not in one + other}
    assert {path for path in paths if not (ROOT / page).parent.joinpath(path).exists()} == set()


def test_the_file_of_several_nodes_is_one(tmp_path: Path) -> None:
    path = tmp_path / "nodes.toml"
    path.write_text(block("toml", "[[node]]"))
    assert [node.node_id for node in configured_nodes(load_config(lnd_nodes=path))] == [ONE_NODE_ID, "north"]


async def test_three_curl_lines_buy_the_essay(tmp_path: Path) -> None:
    lines = block("sh", "challenge=")
    assert len(lines.splitlines()) == 3
    await buys_the_essay(tmp_path, "bash", "-euc", lines)


async def test_fifteen_lines_of_python_buy_the_essay(tmp_path: Path) -> None:
    lines = block("python", "urlopen")
    assert len([line for line in lines.splitlines() if line.strip()]) <= 15
    await buys_the_essay(tmp_path, sys.executable, "-c", lines)


async def buys_the_essay(folder: Path, *command: str) -> None:
    async with run_demo(folder) as address:
        ours = [part.replace(ADDRESS, address) for part in command]
        process = await asyncio.create_subprocess_exec(*ours, stdout=asyncio.subprocess.PIPE, env=dict(os.environ))
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert output.decode().startswith(PAID_WORDS)


def block(language: str, containing: str) -> str:
    """The fenced block of the README with these words in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)
    return str(next(text for text in blocks if containing in text))
