"""What hosts of addresses say: exactly LUD-06, and whatever else they say is refused with a sentence."""

import json
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.lnurl.pay import LONGEST_REASON, HostRefuses, read_invoice, read_pay_request, with_amount

METADATA = '[["text/plain","Für  Alice"],["text/identifier","alice@pay.example"],["image/png;base64",{"a":[1]}]]'
OFFER = {
    "tag": "payRequest",
    "callback": "https://pay.example/cb",
    "minSendable": 1000,
    "maxSendable": 5_000_000,
    "metadata": METADATA,
}


def body(**changes: Any) -> bytes:
    return json.dumps(OFFER | changes).encode()


def test_an_offer_is_read_with_the_hash_of_the_exact_metadata() -> None:
    offer = read_pay_request(body(status="OK", commentAllowed=10, payerData=None))
    assert (offer.callback, offer.min_sendable, offer.max_sendable) == ("https://pay.example/cb", 1000, 5_000_000)
    assert offer.metadata_hash == sha256(METADATA.encode()).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"minSendable": 0},
        {"minSendable": -1},
        {"minSendable": 6_000_000},
        {"minSendable": "1000"},
        {"minSendable": 1000.5},
        {"maxSendable": None},
        {"maxSendable": True},
        {"tag": "withdrawRequest"},
        {"tag": None},
        {"callback": 1},
        {"metadata": [["text/plain", "x"]]},
        {"metadata": "x"},
        {"metadata": "[]"},
        {"metadata": '{"text/plain": "x"}'},
        {"metadata": '[["text/long-desc", "x"]]'},
        {"metadata": '[["text/plain", "x"], ["text/plain", "y"]]'},
        {"metadata": '[["text/plain"]]'},
        {"metadata": '[["text/plain", 1]]'},
        {"metadata": '["text/plain", "x"]'},
        {"metadata": "[" * 5000},
        {"other": json.loads("[" * 900 + "]" * 900), "metadata": "[]"},
    ],
)
def test_an_offer_that_the_specification_does_not_allow_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"it takes|its metadata|its answer") as refusal:
        read_pay_request(body(**changes))
    assert not isinstance(refusal.value, HostRefuses)


@pytest.mark.parametrize("missing", OFFER)
def test_an_offer_lacks_nothing(missing: str) -> None:
    offer = {name: value for name, value in OFFER.items() if name != missing}
    with pytest.raises(ValueError, match="its answer"):
        read_pay_request(json.dumps(offer).encode())


@pytest.mark.parametrize("read", [read_pay_request, read_invoice])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "ERROR", "reason": "No such user"}, "No such user"),
        ({"status": "error"}, "it gives no reason"),
        ({"status": "ERROR", "reason": "a\n\x1b[31mb\u202e"}, "a  [31mb "),
        ({"status": "ERROR", "reason": "x" * 10_000} | OFFER, "x" * LONGEST_REASON),
        ({"status": "ERROR", "reason": ["x"], "pr": "lnbc1"}, "['x']"),
    ],
)
def test_an_error_is_the_host_s_refusal_in_one_short_line(read: Any, answer: dict[str, Any], said: str) -> None:
    with pytest.raises(HostRefuses) as refusal:
        read(json.dumps(answer).encode())
    assert str(refusal.value) == said


def test_an_invoice_is_what_the_callback_says() -> None:
    assert read_invoice(b'{"pr": "lnbc1", "routes": [], "successAction": {"tag": "unknown"}}') == "lnbc1"
    for answer in (b'{"pr": null}', b'{"routes": []}', b"[]", b"", b"lnbc1", b'{"pr": "\xff"}'):
        with pytest.raises(ValueError, match="its answer"):
            read_invoice(answer)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(msgspec.json.encode))
def test_whatever_a_host_says_is_an_offer_or_refused_with_a_sentence(answer: bytes) -> None:
    for read in (read_pay_request, read_invoice):
        with pytest.raises(ValueError, match=r"its |no reason"):
            read(answer)


@pytest.mark.parametrize(
    ("callback", "url"),
    [
        ("https://a.example/cb", "https://a.example/cb?amount=5000"),
        ("https://a.example", "https://a.example?amount=5000"),
        ("https://a.example/cb?u=1&x=%20+%3D&y", "https://a.example/cb?u=1&x=%20+%3D&y&amount=5000"),
        ("https://a.example/cb?", "https://a.example/cb?amount=5000"),
        ("https://a.example/cb?amount=1&u=2#f?amount=7", "https://a.example/cb?u=2&amount=5000"),
        ("https://a.example/cb?amounts=1", "https://a.example/cb?amounts=1&amount=5000"),
    ],
)
def test_the_amount_is_asked_for_once_beside_what_the_callback_has(callback: str, url: str) -> None:
    assert with_amount(callback, 5000) == url
    assert [value for name, value in parse_qsl(urlsplit(url).query) if name == "amount"] == ["5000"]
