"""The log contains no secrets, whoever logs them."""

import ast
import asyncio
import io
import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes

import pytest
import structlog
from aiohttp import web
from aiohttp.http_exceptions import BadStatusLine
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.tokens import mint_token
from gateway.catalog.api_keys import new_key
from gateway.errors import NotFound
from gateway.log import FIELDS, MOST_ALIKE, RepeatLimit, configure_logging, log_uncaught, redact
from gateway.simulator.core import Simulator
from gateway.store.files.keyring import FileKeyRing
from gateway.wire.l402.challenge import encode_token
from tests.support.rows import START, an_invoice, hash_of, preimage_of

KEYS = FileKeyRing({0: b"k" * 32})


def written(value: object, *, name: str = "detail") -> str:
    """What would be logged of a value."""
    return str(redact(None, "info", {"event": "something", name: value})[name])


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """A configured log that is listened to."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("info")
    monkeypatch.undo()
    yield stream
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "name", ["preimage", "macaroon", "access_token", "token", "payment_request", "authorization", "api_key"]
)
def test_secrets_are_redacted_by_name(name: str) -> None:
    assert written("anything", name=name) == "redacted"


@given(st.binary(min_size=32, max_size=32), st.text("abc :/", max_size=10))
def test_hashes_and_preimages_are_redacted_by_pattern(secret: bytes, around: str) -> None:
    for text in (secret.hex(), secret.hex().upper()):
        assert text not in written(f"{around} {text} {around}")


@given(seed=st.binary(min_size=32, max_size=32))
def test_every_api_key_is_redacted_whole(seed: bytes) -> None:
    key, _, _ = new_key(lambda size: seed[:size])
    assert written(f"Bearer {key}, please") == "Bearer redacted, please"
    assert written(f"tpo_{key[21:]}") == "redacted"


def test_every_token_is_redacted_in_both_base64_alphabets() -> None:
    for access_seconds in (None, 60):
        for number in range(50):
            token = encode_token(mint_token(KEYS, an_invoice(number, access_seconds=access_seconds)))
            for text in (token, token.rstrip("="), token.replace("+", "-").replace("/", "_")):
                shown = written(f"Bearer {text}")
                assert not any(text[at : at + 12] in shown for at in range(len(text) - 12))


def test_every_payment_request_is_redacted_in_any_case() -> None:
    core = Simulator(clock=lambda: START, random_bytes=token_bytes)
    row = core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60)
    for text in (row.payment_request, row.payment_request.upper(), f"lightning:{row.payment_request}"):
        assert row.payment_request[20:60] not in written(f"pay {text}").lower()


def test_other_values_are_kept() -> None:
    for text in (
        hash_of(1)[:8],
        "the node is away",
        "/v1/items/{item_id}/content",
        "sha256 of a file",
        "127.0.0.1:8402",
    ):
        assert written(text) == text
    assert redact(None, "info", {"event": "settled", "paid_msat": 100_000, "work": None}) == {
        "event": "settled",
        "paid_msat": 100_000,
        "work": None,
    }


def test_a_line_is_json_with_its_level_and_time(lines: io.StringIO) -> None:
    structlog.get_logger().info("settled", payment_hash=hash_of(1)[:8], preimage=preimage_of(1).hex())
    structlog.get_logger().debug("not at this level")
    line = json.loads(lines.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "settled", "level": "info", "payment_hash": hash_of(1)[:8], "preimage": "redacted"}


def test_a_traceback_reveals_no_values(lines: io.StringIO) -> None:
    def fail(_: str) -> None:
        msg = f"no such preimage {preimage_of(1).hex()}"
        raise ValueError(msg)

    try:
        fail(preimage_of(1).hex())
    except ValueError:
        structlog.get_logger().exception("work_failed", work="sweep")
    line = json.loads(lines.getvalue())
    assert re.fullmatch(
        r"ValueError: tests/test_log.py:\d+ in fail < tests/test_log.py:\d+ in test_\w+", line["exception"]
    )
    assert not any(word in lines.getvalue() for word in (preimage_of(1).hex(), "no such"))


def test_nested_secrets_are_redacted() -> None:
    secret = preimage_of(1)
    deep = {"detail": [{"preimage": "anything", "hint": (secret.hex(), secret)}, ValueError(secret.hex())], "n": 3}
    shown = redact(None, "info", {"event": "something", "deep": deep})["deep"]
    expected = [{"preimage": "redacted", "hint": ["redacted", "redacted"]}, "redacted"]
    assert shown == {"detail": expected, "n": 3}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql+asyncpg://tuppence:hunter2@db/t refused", "postgresql+asyncpg://redacted@db/t refused"),
        (
            "GET /v1/items/a/download?expires=1&signature=Zm9v_-x",
            "GET /v1/items/a/download?expires=1&signature=redacted",
        ),
        ("https://pay.example/i/a@b", "https://pay.example/i/a@b"),
    ],
)
def test_passwords_in_urls_and_signatures_of_links_are_redacted(text: str, shown: str) -> None:
    assert written(text) == shown


def test_records_of_libraries_are_logged_in_our_format(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, root = io.StringIO(), logging.getLogger()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", logging.NOTSET)
    configure_logging("info")
    library = logging.getLogger("library.of.somebody")
    library.info("too much")
    try:
        int(preimage_of(1).hex())
    except ValueError:
        library.exception("failed with %s", preimage_of(1).hex())
    structlog.reset_defaults()
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (line["level"], line["event"], line["logger"]) == ("error", "library", "library.of.somebody")
    assert line["exception"].startswith("ValueError: tests/test_log.py:")
    assert line["at"].startswith("tests/test_log.py:")
    assert not any(word in stream.getvalue() for word in (preimage_of(1).hex(), "failed with", "invalid literal"))


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_lines_below_the_level_are_not_written(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger(), name)(name)
    written_levels = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]
    assert written_levels == ["debug", "info", "warning", "error"][["debug", "info", "warning", "error"].index(level) :]
    structlog.reset_defaults()


CANARY = "canary-203.0.113.7"


async def test_messages_of_libraries_and_the_interpreter_are_logged_without_foreign_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Messages, arguments, errors and their causes, warnings, and what nobody caught."""
    stream = io.StringIO()
    for name in ("handlers", "level"):
        monkeypatch.setattr(logging.getLogger(), name, [] if name == "handlers" else logging.NOTSET)
    for module, name in ((sys, "unraisablehook"), (threading, "excepthook"), (warnings, "showwarning")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("debug")
    log_uncaught()

    def fail() -> None:
        try:
            int(CANARY)
        except ValueError as error:
            raise NotFound("item_not_found", CANARY) from error

    with pytest.raises(NotFound) as failed:
        fail()
    for name, message in (
        ("aiohttp.server", "Error handling request from %s"),
        ("asyncio", f"Task exception was never retrieved\nfuture: {CANARY} %s"),
        ("grpc", f"{CANARY} failed %s"),
    ):
        logging.getLogger(name).error(message, CANARY, exc_info=failed.value)
    structlog.get_logger().error("request_failed", method="GET", peer=CANARY, exc_info=failed.value)
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": CANARY, "exception": ValueError(CANARY), "transport": CANARY})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = configured = warnings.showwarning
        warnings.warn(CANARY, DeprecationWarning, stacklevel=1)
        assert configured.__module__ == "gateway.log"
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    monkeypatch.undo()
    structlog.reset_defaults()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == 7
    assert "canary" not in stream.getvalue()
    assert "203.0.113" not in stream.getvalue()
    assert "NotFound (item_not_found): tests/test_log.py:" in lines[0]["exception"]
    assert "\ncaused by ValueError: tests/test_log.py:" in lines[0]["exception"]
    assert [line.get("message") for line in lines[:3]] == [
        "Error handling request from %s",
        "Task exception was never retrieved",
        None,
    ]


def test_aiohttps_records_of_client_errors_are_not_logged(lines: io.StringIO) -> None:
    for error in (BadStatusLine(CANARY), ConnectionResetError(CANARY), web.RequestPayloadError(CANARY)):
        logging.getLogger("aiohttp.server").error("Error handling request from %s", CANARY, exc_info=error)
    assert lines.getvalue() == ""


def test_only_lines_that_clients_can_cause_are_limited_and_counted() -> None:
    now, written_lines = [0.0], []
    limit = RepeatLimit(lambda: now[0])

    def write(event: str, **fields: str) -> None:
        with suppress(structlog.DropEvent):
            written_lines.append(limit(None, "error", {"event": event} | fields))

    for _ in range(100):
        for event in ("library", "request_failed", "unavailable", "settled"):
            write(event, route="/i/{item_id}")
        write("library", route="/t/{name}")
    assert [line["event"] for line in written_lines].count("settled") == 100
    assert len(written_lines) == 100 + 4 * MOST_ALIKE
    now[0] += 61
    write("library", route="/t/{name}")
    assert written_lines[-1]["left_out"] == 100 - MOST_ALIKE


def test_every_field_that_the_gateway_logs_is_allowed() -> None:
    used = {
        keyword.arg
        for path in (Path(__file__).parents[1] / "gateway").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "log"
        for keyword in call.keywords
    }
    # Of an exception only types and places are written.
    assert used - FIELDS - {"exc_info"} == set()
