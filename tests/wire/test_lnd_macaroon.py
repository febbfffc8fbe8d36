"""The permissions of a macaroon, read from its bytes."""

from contextlib import suppress
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from lndgrpc.compiled.lightning_pb2 import MacaroonId, Op

from gateway.access.macaroon import mint, parse
from gateway.simulator.identity import ADMIN, Identity
from gateway.wire.lnd_macaroon import PAYOUTS, SALES, operations

# LND's own invoice.macaroon and readonly.macaroon (rpcserver.go), and what the README would have baked.
INVOICE = ["address:read", "address:write", "invoices:read", "invoices:write", "onchain:read"]
LEAST = [f"uri:{method}" for method in SALES.needed]


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return Identity(tmp_path / "node", random_bytes=lambda size: b"\x07" * size, now=1_800_000_000)


def bake(identity: Identity, folder: Path, allowed: list[str]) -> bytes:
    path = folder / "baked.macaroon"
    identity.bake(path, allowed)
    return path.read_bytes()


@pytest.mark.parametrize("allowed", [INVOICE, LEAST, ["info:read", "offchain:read", "onchain:read"]])
def test_a_macaroon_for_invoices_info_addresses_and_balances_has_no_excess(
    identity: Identity, tmp_path: Path, allowed: list[str]
) -> None:
    assert SALES.excess(bake(identity, tmp_path, allowed)) == []


@pytest.mark.parametrize(
    "operation",
    [
        "offchain:write",
        "onchain:write",
        "info:write",
        "peers:write",
        "signer:generate",
        "macaroon:generate",
        "message:write",
        "uri:/routerrpc.Router/SendPaymentV2",
        "uri:/lnrpc.Lightning/SendCoins",
        "uri:/lnrpc.Lightning/BakeMacaroon",
        "uri:/a.Service/OfTheFuture",
        "uri:",
        ":",
    ],
)
def test_anything_that_may_spend_or_is_not_known_is_excess(identity: Identity, tmp_path: Path, operation: str) -> None:
    assert SALES.excess(bake(identity, tmp_path, [*INVOICE, operation])) == [operation]


def test_an_admin_macaroon_is_excessive_and_lacks_nothing(identity: Identity) -> None:
    macaroon = identity.admin_macaroon_path.read_bytes()
    assert set(operations(macaroon)) == set(ADMIN)
    assert set(SALES.excess(macaroon)) == set(ADMIN) - SALES.harmless
    assert SALES.missing(macaroon) == []


def test_a_method_is_allowed_by_its_uri_or_by_its_operation(identity: Identity, tmp_path: Path) -> None:
    assert SALES.missing(bake(identity, tmp_path, LEAST)) == []
    assert SALES.missing(bake(identity, tmp_path, INVOICE)) == [
        "/lnrpc.Lightning/GetInfo",
        "/lnrpc.Lightning/ChannelBalance",
    ]
    assert SALES.missing(bake(identity, tmp_path, LEAST[1:])) == ["/lnrpc.Lightning/AddInvoice"]


PAYING = [f"uri:{method}" for method in PAYOUTS.needed]


def test_a_macaroon_for_payouts_allows_payments_and_nothing_else(identity: Identity, tmp_path: Path) -> None:
    assert PAYING == [
        "uri:/routerrpc.Router/SendPaymentV2",
        "uri:/routerrpc.Router/TrackPaymentV2",
        "uri:/lnrpc.Lightning/ListPayments",
        "uri:/lnrpc.Lightning/DecodePayReq",
        "uri:/lnrpc.Lightning/GetInfo",
        "uri:/lnrpc.Lightning/ChannelBalance",
    ]
    assert PAYOUTS.refusal(bake(identity, tmp_path, PAYING)) == ""
    assert PAYOUTS.refusal(identity.payout_macaroon_path.read_bytes()) == ""
    for operation in ("offchain:write", "offchain:read", "info:read", "uri:/lnrpc.Lightning/SendCoins", *LEAST[:1]):
        refusal = PAYOUTS.refusal(bake(identity, tmp_path, [*PAYING, operation]))
        assert refusal.startswith(f"it also allows {operation}; bake a smaller one: lncli bakemacaroon ")


@pytest.mark.parametrize("operation", PAYING)
def test_what_a_macaroon_for_payouts_lacks_is_named(identity: Identity, tmp_path: Path, operation: str) -> None:
    narrower = bake(identity, tmp_path, [other for other in PAYING if other != operation])
    method = operation.removeprefix("uri:")
    assert PAYOUTS.refusal(narrower).startswith(f"it does not allow {method}; bake another: lncli bakemacaroon ")


def test_a_macaroon_to_sell_with_is_none_to_pay_with(identity: Identity) -> None:
    assert SALES.refusal(identity.macaroon_path.read_bytes()) == ""
    assert "SendPaymentV2" in PAYOUTS.refusal(identity.macaroon_path.read_bytes())
    assert "AddInvoice" in SALES.refusal(identity.payout_macaroon_path.read_bytes())
    assert "path of the .macaroon file" in PAYOUTS.refusal(b"")


def test_caveats_narrow_and_so_change_nothing_of_what_is_allowed(identity: Identity, tmp_path: Path) -> None:
    macaroon = bake(identity, tmp_path, ["offchain:write"])
    caveat = b"time-before 2030-01-01T00:00:00Z"
    narrowed = macaroon[:-35] + b"\x02" + bytes([len(caveat)]) + caveat + b"\x00" + macaroon[-35:]
    assert parse(narrowed).caveats == (caveat,)
    assert SALES.excess(narrowed) == ["offchain:write"]


def test_a_location_is_optional_and_a_long_identifier_is_read_whole(identity: Identity, tmp_path: Path) -> None:
    macaroon = bake(identity, tmp_path, LEAST)
    assert macaroon[:6] == b"\x02\x01\x03lnd"
    assert len(parse(macaroon).identifier) > 127
    assert operations(macaroon[:1] + macaroon[6:]) == LEAST


def test_the_bake_command_names_every_method_that_is_needed() -> None:
    command = SALES.bake_command()
    assert command.startswith("lncli bakemacaroon --save_to tuppence.macaroon ")
    assert command.split()[4:] == LEAST
    assert PAYOUTS.bake_command() == f"lncli bakemacaroon --save_to payout.macaroon {' '.join(PAYING)}"


def test_other_files_are_refused_with_a_hint(identity: Identity, tmp_path: Path) -> None:
    macaroon = bake(identity, tmp_path, LEAST)
    for wrong in (b"", macaroon.hex().encode(), macaroon[:-1], macaroon[:40], b"\x01" + macaroon[1:]):
        with pytest.raises(ValueError, match=r"path of the \.macaroon file"):
            operations(wrong)
    other_bakery = macaroon.replace(b"\x03\x0a\x10", b"\x02\x0a\x10")
    with pytest.raises(ValueError, match="another version"):
        operations(other_bakery)


def field(number: int, wire_type: int, data: bytes) -> bytes:
    return bytes([number << 3 | wire_type]) + (bytes([len(data)]) + data if wire_type == 2 else data)


def op(entity: str, actions: list[str]) -> bytes:
    return field(3, 2, Op(entity=entity, actions=actions).SerializeToString())


words, numbers = st.text(max_size=5), st.integers(0, 5)
fields = st.one_of(
    st.builds(op, words, st.lists(words, max_size=3)),
    st.builds(field, numbers, st.just(0), st.sampled_from([b"\0", b"\x7f", b"\xff\x01"])),
    st.builds(field, numbers, st.just(1), st.binary(min_size=8, max_size=8)),
    st.builds(field, numbers, st.just(2), st.binary(max_size=10)),
    st.builds(field, numbers, st.just(5), st.binary(min_size=4, max_size=4)),
)


@given(whole=st.lists(fields, max_size=5).map(b"".join), missing=st.integers(0, 3))
def test_an_identifier_is_read_as_protobuf_reads_it(whole: bytes, missing: int) -> None:
    macaroon_id = whole[: len(whole) - missing]
    macaroon = mint(b"key", b"\x03" + macaroon_id, ()).to_bytes()
    try:
        expected = [f"{op.entity}:{action}" for op in MacaroonId.FromString(macaroon_id).ops for action in op.actions]
    except DecodeError:
        with pytest.raises(ValueError, match="its identifier cannot be read"):
            operations(macaroon)
    else:
        assert operations(macaroon) == expected


@given(st.binary(max_size=200))
def test_no_bytes_make_it_crash(macaroon: bytes) -> None:
    for attempt in (macaroon, b"\x02" + macaroon, b"\x02\x02\x05\x03" + macaroon):
        with suppress(ValueError):
            SALES.excess(attempt)
