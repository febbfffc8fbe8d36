"""Whole journeys, whose answers are recorded: what must not be known is in no answer, no log line and no database."""

import base64
import io
import itertools
import json
import re
from hashlib import sha256
from typing import Any

import pytest

from gateway.access.macaroon import parse
from gateway.ports.node import NodeState
from gateway.store.engines.database_url import sqlite_path
from tests.support.clock import until
from tests.support.site import Site

pytestmark = pytest.mark.both_databases

SECRET_WORDS = "the paid part, worth a hundred sats"
TEXT = f"# A text\n\nThe free part.\n\n<!-- more -->\n\n{SECRET_WORDS}"
BOOK = b"%PDF the paid file " + bytes(range(256))
BROWSER = {"Accept": "text/html"}
CANARIES = {"User-Agent": "canary-agent", "Referer": "http://canary-referer.example/", "Accept-Language": "canary-lang"}


class AnswerRecorder:
    """Everything that the gateway answered and logged."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.answers: list[tuple[str, str]] = []

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """An answer, noted with its headers."""
        options["headers"] = CANARIES | options.get("headers", {})
        async with self.site.session.request(
            method, f"{self.site.url}{path}", allow_redirects=False, **options
        ) as response:
            body = await response.read()
            answer = f"{dict(response.headers)}\n{body.decode('latin-1')}"
            self.answers.append((f"{method} {path}", answer))
            return response.status, json.loads(body) if "json" in response.content_type else body

    def answers_with(self, *secrets: str) -> list[str]:
        """The requests whose answers gave a secret away."""
        return [name for name, text in self.answers if any(secret in text for secret in secrets)]


def spellings(secret: bytes) -> list[str]:
    """Hex in both cases, base64 in both alphabets."""
    standard = base64.b64encode(secret).decode().rstrip("=")
    return [secret.hex(), secret.hex().upper(), standard, standard.replace("+", "-").replace("/", "_")]


@pytest.fixture
async def recorder(site: Site) -> AnswerRecorder:
    """A site that sells a text and a file, whose answers are recorded."""
    await site.sell_text(TEXT)
    item = {"id": "book", "creator": "bob", "price_msat": 500_000, "file_name": "book.pdf"}
    await site.call("POST", "/v1/admin/items", json=item, headers=site.operator)
    await site.call("PUT", "/v1/admin/items/book/content", data=BOOK, headers=site.operator)
    return AnswerRecorder(site)


async def look_at_everything(recorder: AnswerRecorder, headers: dict[str, str] | None = None) -> None:
    """Ask every address that a reader might, as a program and as a browser, with whatever they hold."""
    headers = headers or {}
    hashes = [row.payment_hash.hex() for row in recorder.site.core.invoices]
    paths = [f"/v1/items/{item}{part}" for item in ("welcome", "book") for part in ("", "/content", "/download")]
    paths += [f"/i/{item}" for item in ("welcome", "book")] + [
        "/t/alice",
        "/r",
        "/v1/receipt",
        "/openapi.json",
        "/docs",
    ]
    paths += [f"/v1/invoices/{key}{part}" for key in hashes for part in ("", "/qr.svg")]
    paths += ["/healthz", "/readyz", "/metrics", "/nothing"]
    for path, extra in itertools.product(paths, ({}, BROWSER)):
        await recorder.call("GET", path, headers=headers | extra)
    for path in ("/v1/items/welcome/links", "/v1/items/book/links", "/v1/items/nothing/invoices"):
        await recorder.call("POST", path, headers=headers)


def preimages(site: Site) -> list[bytes]:
    return [row.preimage for row in site.core.invoices]


def database_bytes(site: Site) -> bytes:
    """The database with its journal, as a thief would find it."""
    file = sqlite_path(site.gateway.config.database_url)
    if file is None:
        return repr(site.dump()).encode()
    return b"".join(path.read_bytes() for path in file.parent.glob("tuppence.db*"))


async def buy_everything(recorder: AnswerRecorder) -> list[dict[str, Any]]:
    """Open invoices of every kind: for a text, a file and a tip, and a challenge."""
    bought = [
        (await recorder.call("POST", "/v1/items/welcome/invoices"))[1],
        (await recorder.call("POST", "/v1/items/book/invoices", headers={"Idempotency-Key": "K" * 22}))[1],
        (await recorder.call("POST", "/v1/creators/alice/tips", json={"amount_msat": 1_000, "message": "thanks"}))[1],
        (await recorder.call("GET", "/v1/items/welcome/content"))[1],
    ]
    await recorder.call("POST", "/i/welcome", headers=BROWSER)
    return bought


async def test_the_paid_part_and_its_address_are_in_no_answer_before_settlement(recorder: AnswerRecorder) -> None:
    bought = await buy_everything(recorder)
    await look_at_everything(recorder)
    for invoice in bought:
        token = invoice.get("access_token") or invoice["macaroon"]
        await look_at_everything(recorder, {"Authorization": f"Bearer {token}"})
        await look_at_everything(recorder, {"Authorization": f"L402 {token}:{'00' * 32}"})
        cookie_token = token.rstrip("=").replace("+", "-").replace("/", "_")
        await look_at_everything(
            recorder, {"Cookie": f"tuppence-i-welcome={cookie_token}; tuppence-i-book={cookie_token}"}
        )
    digests = [
        item["digest"]
        for item in (await recorder.site.call("GET", "/v1/admin/items", headers=recorder.site.operator))[1]
    ]
    assert recorder.answers_with(SECRET_WORDS, "the paid file") == []
    assert recorder.answers_with(*digests, sha256(BOOK).hexdigest(), "signature=") == []


async def test_a15_no_preimage_is_in_an_answer_before_settlement_nor_in_anybody_elses_after(
    recorder: AnswerRecorder,
) -> None:
    bought = await buy_everything(recorder)
    await look_at_everything(recorder)
    secrets = [text for preimage in preimages(recorder.site) for text in spellings(preimage)]
    assert recorder.answers_with(*secrets) == []
    for invoice in bought:
        await recorder.site.settle(invoice.get("payment_hash") or invoice["paymentHash"])
    await look_at_everything(recorder)
    for invoice, other in itertools.permutations(bought, 2):
        token = other.get("access_token") or other["macaroon"]
        await recorder.call("GET", "/v1/receipt", headers={"Authorization": f"Bearer {token}"})
        preimage = recorder.site.core.lookup(
            bytes.fromhex(invoice.get("payment_hash") or invoice["paymentHash"])
        ).preimage
        assert [name for name in recorder.answers_with(*spellings(preimage)) if name != "GET /v1/receipt"] == []
        recorder.answers = [(name, text) for name, text in recorder.answers if name != "GET /v1/receipt"]


async def test_a15_no_preimage_or_token_or_key_is_in_the_database(recorder: AnswerRecorder) -> None:
    bought = await buy_everything(recorder)
    for invoice in bought:
        key = invoice.get("payment_hash") or invoice["paymentHash"]
        await recorder.site.settle(key)
        token = invoice.get("access_token") or invoice["macaroon"]
        await recorder.call("GET", "/v1/receipt", headers={"Authorization": f"Bearer {token}"})
    kept = database_bytes(recorder.site)
    assert all((invoice.get("payment_hash") or invoice["paymentHash"]).encode() in kept for invoice in bought)
    for preimage in preimages(recorder.site):
        assert preimage not in kept
        assert not any(text.encode() in kept for text in spellings(preimage))
    for invoice in bought:
        token = base64.b64decode(invoice.get("access_token") or invoice["macaroon"])
        assert token[-32:] not in kept
        assert token not in kept
    assert b"K" * 22 not in kept, "an Idempotency-Key is a secret"
    assert recorder.site.gateway.operator_key.encode() not in kept


async def test_nothing_about_a_reader_is_in_the_database(recorder: AnswerRecorder) -> None:
    bought = await buy_everything(recorder)
    await recorder.site.settle(bought[0]["payment_hash"])
    await look_at_everything(recorder)
    kept = database_bytes(recorder.site)
    assert b"canary" not in kept
    assert b"127.0.0.1" not in kept
    assert b"thanks" in kept, "what was typed for the creator is kept for the creator"


async def test_t24_metrics_tell_of_no_reader_no_item_and_no_payment(recorder: AnswerRecorder) -> None:
    """Whoever scrapes them learns sums alone."""
    bought = await buy_everything(recorder)
    for invoice in bought:
        key = invoice.get("payment_hash") or invoice["paymentHash"]
        await recorder.site.settle(key)
        token = invoice.get("access_token") or invoice["macaroon"]
        await look_at_everything(recorder, {"Authorization": f"Bearer {token}"})
    _, metrics = await recorder.site.call("GET", "/metrics")
    assert 'tuppence_settled_total{node="lnd"} 4.0' in metrics
    told = [line for line in metrics.splitlines() if not line.startswith("#")]
    hashes = [(invoice.get("payment_hash") or invoice["paymentHash"])[:8] for invoice in bought]
    for secret in ("canary", "127.0.0.1", "welcome", "book", "alice", "bob", "thanks", "K" * 22, *hashes):
        assert not [line for line in told if secret in line], secret


async def test_t24_two_tokens_of_one_reader_have_nothing_in_common(recorder: AnswerRecorder) -> None:
    """But for what every token of this item has: no byte says that one person bought both."""
    identifiers = []
    for _ in range(2):
        macaroon = parse(base64.b64decode((await recorder.site.buy("welcome"))[0]["access_token"]))
        assert macaroon.caveats == (b"item=welcome", b"proof=settled")
        identifiers.append(macaroon.identifier[3:])
    one, other = ({text[n : n + 4] for n in range(len(text) - 3)} for text in identifiers)
    assert one & other == set()


async def test_t24_only_the_tips_words_are_kept_of_what_readers_typed(recorder: AnswerRecorder) -> None:
    tip = {"amount_msat": 1_000, "message": "canary-message", "name": "canary-name"}
    await recorder.call("POST", "/v1/creators/alice/tips", json=tip)
    await recorder.call("POST", "/v1/creators/alice/tips?canary-query=1", json={"amount_msat": 1_000})
    await recorder.call("POST", "/v1/items/welcome/invoices", headers={"Cookie": "canary-cookie=1"})
    dump = recorder.site.dump()
    assert [table for table, rows in dump.items() if "canary" in repr(rows)] == ["tip_notes"]
    requests = [row.memo for row in recorder.site.core.invoices]
    assert not any("canary" in memo for memo in requests), "the payer's wallet and the node would keep it for ever"


async def test_t24_after_a_purge_nothing_is_kept_of_what_readers_typed_nor_of_what_asked_them_to_pay(
    recorder: AnswerRecorder,
) -> None:
    tip = {"amount_msat": 1_000, "message": "canary-message", "name": "canary-name"}
    bought = await buy_everything(recorder)
    bought += [(await recorder.call("POST", "/v1/creators/alice/tips", json=tip))[1] for _ in range(2)]
    for invoice in bought[1:-1]:
        await recorder.site.settle(invoice.get("payment_hash") or invoice["paymentHash"])
    requests = [invoice.get("payment_request") or invoice["invoice"] for invoice in bought]
    kept = database_bytes(recorder.site)
    assert b"canary-message" in kept
    assert all(request.encode() in kept for request in requests)
    recorder.site.clock.advance(recorder.site.gateway.config.invoice_expiry_seconds + 1)
    await until(lambda: "'open'" not in repr(recorder.site.dump()["invoices"]))
    assert (await recorder.site.gateway.purger.purge(at_once=True)).notes == 2
    kept = database_bytes(recorder.site)
    assert not any(word in kept for word in (b"canary", b"thanks"))
    assert not any(request.encode() in kept for request in requests)
    token = {"Authorization": f"Bearer {bought[1]['access_token']}"}
    assert (await recorder.call("POST", "/v1/items/book/links", headers=token))[0] == 200


async def test_no_secret_is_logged(logged: io.StringIO, recorder: AnswerRecorder) -> None:
    bought = await buy_everything(recorder)
    await look_at_everything(recorder)
    for invoice in bought:
        await recorder.site.settle(invoice.get("payment_hash") or invoice["paymentHash"])
        token = invoice.get("access_token") or invoice["macaroon"]
        await look_at_everything(recorder, {"Authorization": f"Bearer {token}"})
    recorder.site.core.state = NodeState.ABSENT
    recorder.site.core.restart()
    await recorder.call("POST", "/v1/items/welcome/invoices")
    await look_at_everything(recorder, {"Authorization": f"Bearer {bought[0]['access_token']}"})
    text = logged.getvalue()
    assert text.count('"event": "settled"') == 4, "the log was listened to"
    for preimage in preimages(recorder.site):
        assert not any(spelling in text for spelling in spellings(preimage))
    for invoice in bought:
        assert (invoice.get("access_token") or invoice["macaroon"]) not in text
        assert (invoice.get("payment_request") or invoice["invoice"]) not in text
        assert (invoice.get("payment_hash") or invoice["paymentHash"]) not in text
    assert not re.search(r"127\.0\.0\.1|canary|K{22}|signature=|tpo_|worth a hundred", text)


async def test_a_link_is_given_to_its_payer_alone_and_holds_no_token(recorder: AnswerRecorder) -> None:
    _, invoice = await recorder.call("POST", "/v1/items/book/invoices")
    await recorder.site.settle(invoice["payment_hash"])
    headers = {"Authorization": f"Bearer {invoice['access_token']}"}
    _, link = await recorder.call("POST", "/v1/items/book/links", headers=headers)
    assert invoice["access_token"][20:60] not in link["url"]
    signature = link["url"].rpartition("signature=")[2]
    await look_at_everything(recorder)
    assert recorder.answers_with(signature) == ["POST /v1/items/book/links"]
