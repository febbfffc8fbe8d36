"""The log: whatever calls it, what opens content or moves money is taken out."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from secrets import token_bytes

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.access import mint_token
from gateway.catalog import new_key
from gateway.l402.challenge import encode_token
from gateway.lnd.simulator import Simulator
from gateway.log import configure_logging, redact
from gateway.store.keyring import FileKeyRing
from tests.samples import START, an_invoice, hash_of, preimage_of

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
def test_secrets_are_taken_out_by_name(name: str) -> None:
    assert written("anything", name=name) == "redacted"


@given(st.binary(min_size=32, max_size=32), st.text("abc :/", max_size=10))
def test_hashes_and_preimages_are_taken_out_by_shape(secret: bytes, around: str) -> None:
    for text in (secret.hex(), secret.hex().upper()):
        assert text not in written(f"{around} {text} {around}")


@given(seed=st.binary(min_size=32, max_size=32))
def test_every_api_key_is_taken_out_whole(seed: bytes) -> None:
    key, _, _ = new_key(lambda size: seed[:size])
    assert written(f"Bearer {key}, please") == "Bearer redacted, please"
    assert written(f"tpo_{key[21:]}") == "redacted"


def test_every_token_is_taken_out_in_both_alphabets() -> None:
    for access_seconds in (None, 60):
        for number in range(50):
            token = encode_token(mint_token(KEYS, an_invoice(number, access_seconds=access_seconds)))
            for text in (token, token.rstrip("="), token.replace("+", "-").replace("/", "_")):
                shown = written(f"Bearer {text}")
                assert not any(text[at : at + 12] in shown for at in range(len(text) - 12))


def test_every_payment_request_is_taken_out_however_it_is_written() -> None:
    core = Simulator(clock=lambda: START, random_bytes=token_bytes)
    row = core.add_invoice(preimage=b"", amount_msat=1_000, memo="", expiry_seconds=60)
    for text in (row.payment_request, row.payment_request.upper(), f"lightning:{row.payment_request}"):
        assert row.payment_request[20:60] not in written(f"pay {text}").lower()


def test_what_is_no_secret_stays() -> None:
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


def test_a_stack_gives_nothing_away(lines: io.StringIO) -> None:
    def fail(_: str) -> None:
        msg = f"no such preimage {preimage_of(1).hex()}"
        raise ValueError(msg)

    try:
        fail(preimage_of(1).hex())
    except ValueError:
        structlog.get_logger().exception("work_failed", work="sweep")
    line = json.loads(lines.getvalue())
    assert "no such preimage redacted" in line["exception"]
    assert preimage_of(1).hex() not in lines.getvalue()


def test_what_lies_deeper_is_taken_out_too() -> None:
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
def test_a_password_in_an_address_and_the_signature_of_a_link_are_taken_out(text: str, shown: str) -> None:
    assert written(text) == shown


def test_what_a_library_logs_is_a_line_like_ours(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert line["message"] == "failed with redacted"
    assert "ValueError: invalid literal for int() with base 10: 'redacted'" in line["exception"]
    assert preimage_of(1).hex() not in stream.getvalue()


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_only_the_level_asked_for_is_written(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(structlog.get_logger(), name)(name)
    written_levels = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]
    assert written_levels == ["debug", "info", "warning", "error"][["debug", "info", "warning", "error"].index(level) :]
    structlog.reset_defaults()
