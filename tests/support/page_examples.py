"""The fenced blocks of the documentation: each says behind its language how it is checked.

    ```sh demo                  run beside a demo; `shop`, `postgres` and `regtest` are the other worlds
    ```sh shop serves           run, and left running when it has printed `ready`
    ```console shop             run, and each command's output compared; `…` stands for anything
    ```markdown essay.md        written to this file before the page's commands run
    ```ini variables            every variable exists and has a valid value
    ```sh not run: a reason     for the reader alone

`text` needs no word: it holds pictures and output.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

RUN = {"sh", "console", "python"}
WORLDS = ("demo", "shop", "postgres", "regtest")
CHECKED = ("variables", "embed")
NOT_RUN = "not run: "
_FENCE = re.compile(r"^( *)```([a-z]+)(?: ([^\n]*))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"[\w/-]*[\w-]*\.[a-z0-9]+")
_READY = 'for _ in $(seq 300); do grep -q "^ready" serves.log && break; sleep 0.1; done; grep "^ready" serves.log'


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One fenced block."""

    line: int
    language: str
    role: str
    text: str

    @property
    def world(self) -> str:
        """The world that it runs in, or ""."""
        first = self.role.partition(" ")[0]
        return first if self.language in RUN and first in WORLDS else ""

    @property
    def file(self) -> str:
        """The file that it is written to, or ""."""
        return self.role if _FILE.fullmatch(self.role) else ""

    @property
    def is_declared(self) -> bool:
        """Whether it says how it is checked, or why it is not."""
        reason = self.role.removeprefix(NOT_RUN) if self.role.startswith(NOT_RUN) else ""
        return self.language == "text" or bool(self.world or self.file or reason or self.role in CHECKED)


def examples(page: Path) -> list[Example]:
    """The blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Example(
            line=text.count("\n", 0, block.start()) + 1,
            language=block[2],
            role=block[3] or "",
            text=re.sub(f"^{block[1]}", "", block[4], flags=re.MULTILINE),
        )
        for block in _FENCE.finditer(text)
    ]


def script(blocks: Iterable[Example], replaced: Mapping[str, str]) -> tuple[str, list[str]]:
    """A bash script that runs blocks one after the other, and what each of its steps must print.

    Each step begins with a line `@@ n`. An expectation of "…" allows any output.
    """
    lines = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
    expected: list[str] = []
    for block in blocks:
        for command, output in _steps(block):
            lines.append(f"printf '\\n@@ %d\\n' {len(expected)}")
            lines.append(substitute(command, replaced))
            expected.append(substitute(output, replaced))
    return "\n".join(lines) + "\n", expected


def _steps(block: Example) -> Iterator[tuple[str, str]]:
    if block.language == "python":
        yield f"python3 - <<'END OF PYTHON'\n{block.text}END OF PYTHON", "…"
    elif block.role.endswith(" serves"):
        yield f"{{\n{block.text}}} >serves.log 2>&1 &\n{_READY}", "…"
    elif block.language == "console":
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, output = _split(part)
            yield command, output or "…"
    else:
        yield block.text, "…"


def _split(part: str) -> tuple[str, str]:
    """A command, with its continued lines, and its output."""
    lines = part.splitlines()
    length = next(number for number, line in enumerate(lines, 1) if not line.endswith("\\"))
    return "\n".join(lines[:length]), "\n".join(lines[length:])


def substitute(text: str, replaced: Mapping[str, str]) -> str:
    """A text with the addresses of the documentation replaced by those of the test."""
    for shown, real in replaced.items():
        text = text.replace(shown, real)
    return text


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether an output is what the page shows; how wide spaces are does not matter."""
    pattern = r".*".join(re.escape(" ".join(part.split())) for part in shown.split("…"))
    return re.fullmatch(rf"\s*{pattern}\s*".replace(r"\ ", " ?"), " ".join(printed.split()), re.DOTALL) is not None


def typed_commands(text: str, program: str) -> Iterator[list[str]]:
    """The words of every call of a program in shell lines, behind the program's name."""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        for part in re.split(r"&&|\|\||[|;&]|\$\(", line.removeprefix("$ ").partition(" #")[0]):
            words = shlex.split(part, posix=True) if part.count("'") % 2 == part.count('"') % 2 == 0 else part.split()
            places = [number for number, word in enumerate(words) if Path(word).name == program and "=" not in word]
            if places and (places[0] == 0 or "=" in words[places[0] - 1]):
                yield words[places[0] + 1 :]
