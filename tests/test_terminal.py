"""The output of commands: foreign text is escaped, no value is truncated, a pipe gets plain lines."""

import io
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest
from rich.cells import cell_len

from gateway.simulator.server import SimulatedLnd
from gateway.terminal import say, say_fields, say_lines, show_progress, show_table, visible, warn
from tests.support.processes.demo_process import stop
from tests.support.processes.shell import Shell, serve

# Markup that nothing closes, an emoji code, a colour, a title of the window, another order of letters, nothing to see.
EVIL = "[/draft] [bold]b[/] :smile: \x1b[31mred \x1b]0;x\x07 \u202egnp\u2066 a\u200bb \x9b5m \u2028 \x7f"
SHOWN = r"[/draft] [bold]b[/] :smile: \x1b[31mred \x1b]0;x\x07 \u202egnp\u2066 a\u200bb \x9b5m \u2028 \x7f"
LONGEST = "a" * 63 + "z"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A terminal of some width."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[Terminal, io.StringIO])
def kind(request: pytest.FixtureRequest) -> type[io.StringIO]:
    """A terminal, or a pipe."""
    found: type[io.StringIO] = request.param
    return found


@contextmanager
def printing(output: io.StringIO) -> Iterator[None]:
    with redirect_stdout(output), redirect_stderr(output):
        yield


def printed(output: io.StringIO) -> str:
    return COLOURS.sub("", output.getvalue())


@pytest.mark.parametrize("print_it", [say, warn, say_lines, say_fields, lambda text: say("", (text, "bold"))])
def test_foreign_text_is_printed_and_not_interpreted(kind: type[io.StringIO], print_it: Callable[[str], None]) -> None:
    output = kind()
    with printing(output):
        print_it(EVIL)
    assert printed(output) == f"{SHOWN}\n"


def test_a_cell_of_a_table_is_not_markup(kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    output = kind()
    with printing(output):
        show_table(("name", "title"), [(EVIL, EVIL)])
    assert printed(output).count(SHOWN) == 2


def test_a_reported_step_is_not_markup(kind: type[io.StringIO]) -> None:
    output = kind()
    with printing(output), show_progress(EVIL) as report:
        report(EVIL)
    assert ":smile:" in printed(output)
    assert "\x9b" not in printed(output)


def test_no_invisible_or_control_character_reaches_the_output(kind: type[io.StringIO]) -> None:
    text = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = visible(text)
    assert {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    output = kind()
    with printing(output):
        say(text[:0x3000])
    assert printed(output).count("\n") == 1


def test_text_of_every_script_is_unchanged() -> None:
    for text in ("Über \\ 100 %", "한국어", "日本語\u3000題", "العربية", "הקדמה", "हिन्दी", "❤️ 🎈", "[draft]"):
        assert visible(text) == text


@pytest.mark.parametrize("columns", [250, 80, 40, 20])
def test_a_table_truncates_and_breaks_no_value_on_any_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Terminal()
    monkeypatch.setenv("COLUMNS", str(columns))
    title = "題名が長い " * 12
    rows = [(LONGEST, "2,100,000,000,000,000", "alice=70 bob=30", title), ("b", "1", "", "Short")]
    with printing(output):
        show_table(("id", "price, sat", "shares", "title"), rows, prose=("title",))
    lines = printed(output).splitlines()
    for value in (LONGEST, "2,100,000,000,000,000", "alice=70 bob=30", "Short"):
        assert any(value in line for line in lines), value
    assert "".join(printed(output).split()).count("題名が長い") > 0
    assert "…" not in printed(output)
    if columns == 250:
        assert max(map(cell_len, lines)) <= 250


def test_a_table_in_a_pipe_is_tab_separated_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with printing(output):
        show_table(("id", "title"), [(LONGEST, "a\tb\nc " * 40)], prose=("title",))
    shown = r"a\tb\nc " * 40
    assert output.getvalue() == f"id\ttitle\n{LONGEST}\t{shown}\n"


# As commands are typed ------------------------------------------------------------------------------------------------


def commands_over(file: str) -> Iterator[tuple[str, ...]]:
    """What shows words of others, and what is told words that it refuses."""
    for command in ("creator list", "item list", "node list", "audit --lacking", "doctor", "payments", "balances"):
        yield (*command.split(),)
    yield from (("embed", "@bob"), ("embed", EVIL), ("item", "archive", EVIL), ("item", "add", EVIL), (EVIL,))
    yield from (("item", "list", f"--{EVIL}"), ("backup", f"{file}/x"), ("seal", file))
    yield ("regtest", "status", "--folder", "[/x]\x1b[31m")


async def test_foreign_titles_paths_aliases_and_memos_crash_no_command_and_control_no_terminal(
    shell: Shell, lnd: SimulatedLnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    lnd.core.alias = EVIL
    monkeypatch.setattr(lnd.core, "_clock", lambda: time.time() - 3_600)
    row = lnd.core.add_invoice(preimage=b"", amount_msat=5_000, memo=EVIL, expiry_seconds=600)
    lnd.core.pay(row.payment_hash)
    title = EVIL.replace("\u2028", "")
    text = shell.folder / "[notes]\x1b[31m.md"
    text.write_text("# [/draft] **Notes**\n\nFree.\n\n<!-- more -->\n\nPaid.\n")
    assert (await shell.type("creator", "add", "bob", "--title", title))[0] == 0
    added = await shell.type("item", "add", text.name, "--creator", "bob", "--price", "5sat", "--title", title)
    assert added[0] == 0, added[1]
    for command in commands_over(text.name):
        status, output = await shell.see(*command)
        assert "Traceback" not in output, (command, output)
        assert "MarkupError" not in output, (command, output)
        assert status in {0, 1, 2, 3}, (command, output)
        assert "\x1b[31mred" not in output, command
        obeyed = [letter for letter in COLOURS.sub("", output) if letter != "\n" and visible(letter) != letter]
        assert obeyed == [], (command, output)
    for command, said in ((("creator", "list"), visible(title)), (("audit", "--lacking"), SHOWN)):
        assert said in (await shell.type(*command))[1]


async def test_ids_addresses_and_keys_are_printed_whole(shell: Shell, lnd: SimulatedLnd) -> None:
    name = "n" * 64
    shell.variables["TUPPENCE_PUBLIC_URL"] = url = f"https://{'pay-' * 12}at.example.org"
    await shell.type("creator", "add", name, "--title", "長い名前" * 10)
    (shell.folder / "a.md").write_text("# 題\n\nFree.\n\n<!-- more -->\n\nPaid.\n")
    address = f"{url}/i/{LONGEST}"
    words = ("item", "add", "a.md", "--creator", name, "--price", "2100000000sat", "--title", "題名 " * 30)
    status, output = await shell.see(*words, "--id", LONGEST)
    assert status == 0, output
    assert address in COLOURS.sub("", output).splitlines()
    process, _ = await serve(shell)
    try:
        for columns in (80, 40):
            for command, whole in (
                (("item", "list"), [LONGEST, "2,100,000,000", name]),
                (("creator", "list"), [name]),
                (("node", "list"), ["lnd", "ready", lnd.core.status().identity_pubkey]),
            ):
                _, seen = await shell.see(*command, columns=columns)
                for value in whole:
                    assert any(value in line for line in COLOURS.sub("", seen).splitlines()), (command, value, seen)
        for command in (("item", "list"), ("creator", "list"), ("node", "list")):
            status, output = await shell.type(*command, COLUMNS="40", FORCE_COLOR="1")
            heading, *rows = output.splitlines()
            assert len(rows) == 1, output
            assert rows[0].count("\t") == heading.count("\t") > 2
            assert not COLOURS.search(output)
    finally:
        await stop(process)
