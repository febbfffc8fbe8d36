"""Renders Markdown outside the event loop, within limits of size, time and memory.

Some Markdown takes quadratic time to render, or repeats a long URL at every reference to it. A process can be killed
and a thread cannot, so each text is rendered in a process, unless it is so short that its worst case is fast.
"""

import asyncio
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from types import MappingProxyType
from typing import TypeVar

import msgspec

from gateway.catalog.markup import render_article, render_markup
from gateway.catalog.rules import MOST_TEXT_BYTES
from gateway.errors import Invalid, Unavailable
from gateway.ports.renderer import Article

T = TypeVar("T", Article, str)

# The worst case of this size takes 0.1 s, except with `|`: each may add a cell to every row of a table.
SHORT_TEXT_BYTES = 2048
MOST_CPU_SECONDS = 10
MOST_MEMORY_BYTES = 1024**3
MOST_HTML_BYTES = 8 * 1024**2
# Each view of an item sends its preview.
MOST_PREVIEW_BYTES = 512 * 1024
AT_ONCE = 2


class Refusal(msgspec.Struct, tag=True):
    """The process's answer if the text cannot be rendered."""

    code: str
    detail: str


class Rendered(msgspec.Struct, tag=True):
    """The process's answer: the rendered text."""

    result: Article | str


class ProcessRenderer:
    """A `Renderer` that renders at most two texts at a time.

    A text has `patience_seconds`, which are for a busy machine: the processor's time is limited more closely.
    """

    def __init__(self, *, patience_seconds: float = 60.0) -> None:
        self._patience_seconds = patience_seconds
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def article(self, source: str) -> Article:
        """As `render_article`. Raises `Invalid` (`text_too_large`, `text_too_complex`, `preview_too_long`)."""
        return await self._render(render_article, source)

    async def markup(self, markdown: str) -> str:
        """As `render_markup`. Raises `Invalid` (`text_too_large`, `text_too_complex`, `preview_too_long`)."""
        return await self._render(render_markup, markdown)

    async def _render(self, render: Callable[[str], T], source: str) -> T:
        size = len(source.encode())
        if size > MOST_TEXT_BYTES:
            raise Invalid("text_too_large", "A text is at most 1 MiB of Markdown; sell a longer one as a file.")
        async with self._turn:
            if size <= SHORT_TEXT_BYTES and "|" not in source:
                answer: Rendered | Refusal = await asyncio.to_thread(_answer, render, source)
            else:
                answer = await _in_a_process(render.__name__, source, self._patience_seconds)
        if isinstance(answer, Refusal):
            raise Invalid(answer.code, answer.detail)
        return answer.result  # type: ignore[return-value]  # each function gives its own type


async def _in_a_process(name: str, source: str, patience_seconds: float) -> Rendered | Refusal:
    """Raises `Invalid` (`text_too_complex`) and `Unavailable` (`renderer_away`)."""
    try:
        process = _start(name)
    except OSError as error:
        raise _away() from error
    try:
        answer = await asyncio.to_thread(_communicate, process, source.encode(), patience_seconds)
    except TimeoutExpired as error:
        raise _too_complex() from error
    finally:
        # If the caller was cancelled, this ends the thread's wait.
        process.kill()
    if process.returncode == 0:
        return msgspec.json.decode(answer, type=Rendered | Refusal)
    if process.returncode is not None and process.returncode < 0:
        raise _too_complex()
    raise _away()


def _start(name: str) -> Popen[bytes]:
    paths = [*filter(None, sys.path), str(Path(__file__).parents[2])]
    # Not by the event loop: uvloop forks, and gRPC's fork handlers delay that and write to stderr. Popen uses vfork.
    return Popen(  # noqa: S603  # a function of this module
        [sys.executable, "-P", "-m", __name__, name],
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={"PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip


def _communicate(process: Popen[bytes], source: bytes, patience_seconds: float) -> bytes:
    """Raises `TimeoutExpired`; the process has ended in any case."""
    with process:
        try:
            return process.communicate(source, patience_seconds)[0]
        finally:
            process.kill()


def main(name: str) -> None:
    """Render standard input to standard output; runs in the process."""
    limits = ((resource.RLIMIT_CPU, MOST_CPU_SECONDS), (resource.RLIMIT_AS, MOST_MEMORY_BYTES))
    for limit, most in limits:
        # A system or a service's filter may not allow limits; the parent's timeout still applies.
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (most, most))
    source = sys.stdin.buffer.read().decode()
    sys.stdout.buffer.write(msgspec.json.encode(_answer(_RENDER[name], source)))


def _answer(render: Callable[[str], Article | str], source: str) -> Rendered | Refusal:
    try:
        return Rendered(_rendered(render, source))
    except Invalid as refusal:
        return Refusal(refusal.code, refusal.detail)


def _rendered(render: Callable[[str], Article | str], source: str) -> Article | str:
    try:
        result = render(source)
    except (MemoryError, RecursionError) as error:
        raise _too_complex() from error
    html, preview = (result.html, result.preview_html) if isinstance(result, Article) else (result, result)
    if len(html.encode()) > MOST_HTML_BYTES:
        raise _too_complex()
    if len(preview.encode()) > MOST_PREVIEW_BYTES:
        raise Invalid("preview_too_long", "The free part is too long; end it earlier, with <!-- more -->.")
    return result


def _too_complex() -> Invalid:
    return Invalid(
        "text_too_complex",
        "The text takes too long to render; write it with fewer nested marks, quotes, tables or links.",
    )


def _away() -> Unavailable:
    detail = "The text could not be rendered: no process could be started for it. Nothing was changed; try again."
    return Unavailable("renderer_away", detail)


_RENDER: Mapping[str, Callable[[str], Article | str]] = MappingProxyType(
    {render.__name__: render for render in (render_article, render_markup)}
)

if __name__ == "__main__":
    main(sys.argv[1])
