"""Hosts of payouts are asked safely: an address has one form and does not lead here, and what lies is refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.address_host import MAX_MSAT, MIN_MSAT, serve_addresses
from gateway.errors import Invalid, Unavailable
from gateway.lnaddress.hosts import LnurlHosts
from gateway.money import Msat
from gateway.outgoing.client import open_outgoing
from gateway.ports.addresses import AddressHosts
from gateway.simulator.core import Simulator
from gateway.wire.bolt11.reading import decode
from gateway.wire.lnurl.addresses import write_lnurl
from tests.support.clock import FakeClock
from tests.support.lying_hosts import INVOICES, OFFERS, LyingHost
from tests.support.public_network import PublicNetwork, client_context, public_network
from tests.support.rows import START

PUBLIC_URL = "https://gateway.example/pay"
AMOUNT_MSAT = Msat(50_000)
SHORT_SECONDS = 0.2


@dataclass(slots=True)
class World:
    """The hosts as the gateway asks them, and the one that lies."""

    hosts: AddressHosts
    host: LyingHost
    network: PublicNetwork


@asynccontextmanager
async def open_world(*, seconds: float = 10.0, allow: tuple[str, ...] = ()) -> AsyncIterator[World]:
    """A public network with `pay.example`."""
    core = Simulator(clock=FakeClock(START), random_bytes=token_bytes)

    async def make_invoice(amount_msat: int, description_hash: bytes) -> str:
        return core.add_invoice(
            preimage=b"", amount_msat=amount_msat, memo="", expiry_seconds=600, description_hash=description_hash
        ).payment_request

    host = LyingHost(make_invoice)
    async with (
        public_network(host.app()) as network,
        open_outgoing(
            allow, look_up=network.look_up, open_socket=network.open_socket, tls=client_context(), seconds=seconds
        ) as outgoing,
    ):
        yield World(LnurlHosts(outgoing, public_url=PUBLIC_URL, allow=allow), host, network)


@pytest.mark.parametrize(
    "address",
    ["alice@pay.example", write_lnurl("https://pay.example/.well-known/lnurlp/alice")],
    ids=["lightning_address", "lnurl"],
)
async def test_an_honest_host_gives_an_invoice_of_what_is_asked(address: str) -> None:
    async with open_world() as world:
        offer = await world.hosts.offer(world.hosts.check(address))
        assert (offer.address, offer.min_msat, offer.max_msat) == (address, MIN_MSAT, MAX_MSAT)
        invoice = decode(await world.hosts.invoice(offer, AMOUNT_MSAT))
        assert (invoice.amount_msat, invoice.description_hash.hex()) == (AMOUNT_MSAT, offer.metadata_hash)
        assert world.host.asked == ["/.well-known/lnurlp/alice", "/lnurlp/alice/invoice?amount=50000"]


CODES = {
    "redirects": "host_redirects",
    "hangs": "host_away",
    "huge": "host_answer_too_large",
    "refuses": "host_refuses",
    "calls-inward": "host_not_allowed",
    "calls-nowhere": "host_not_allowed",
}
HARMLESS = {"takes-much", "takes-little"}
# What is in the invoice is read by the node that will pay it.
READ_LATER = {"nonsense", "more", "a-little-more", "less", "any-amount", "other-description", "mainnet", "expired"}


@pytest.mark.parametrize("name", OFFERS.keys() - HARMLESS)
async def test_t16_a_host_that_lies_in_its_offer_is_refused_and_leads_nowhere(name: str) -> None:
    async with open_world(seconds=SHORT_SECONDS if name == "hangs" else 10.0) as world:
        with pytest.raises(Unavailable) as refusal:
            await world.hosts.offer(f"{name}@pay.example")
        assert refusal.value.code == CODES.get(name, "host_answer_invalid")
        assert world.network.resolved == ["pay.example"]


@pytest.mark.parametrize("name", INVOICES.keys() - READ_LATER - {"unreachable"})
async def test_t16_a_host_that_lies_in_its_invoice_is_refused_and_leads_nowhere(name: str) -> None:
    async with open_world(seconds=SHORT_SECONDS if name == "hangs-later" else 10.0) as world:
        offer = await world.hosts.offer(f"{name}@pay.example")
        with pytest.raises(Unavailable) as refusal:
            await world.hosts.invoice(offer, AMOUNT_MSAT)
        assert refusal.value.code == CODES.get(name.removesuffix("-later"), "host_answer_invalid")
        assert set(world.network.resolved) == {"pay.example"}


async def test_what_a_host_says_is_in_the_reason() -> None:
    async with open_world() as world:
        with pytest.raises(Unavailable, match=r"pay\.example refuses: No such user\."):
            await world.hosts.offer("refuses@pay.example")


async def test_a_host_whose_name_is_rebound_between_offer_and_invoice_is_not_followed_inward() -> None:
    async with open_world() as world:
        offer = await world.hosts.offer("alice@pay.example")
        world.network.names["pay.example"] = [["127.0.0.1"]]
        dialed = list(world.network.dialed)
        with pytest.raises(Unavailable) as refusal:
            await world.hosts.invoice(offer, AMOUNT_MSAT)
        assert (refusal.value.code, world.network.dialed) == ("host_inward", dialed)


@asynccontextmanager
async def unasked(*, public_url: str = PUBLIC_URL, allow: tuple[str, ...] = ()) -> AsyncIterator[AddressHosts]:
    """Hosts that are not asked."""
    async with open_outgoing(allow) as outgoing:
        yield LnurlHosts(outgoing, public_url=public_url, allow=allow)


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        (" Alice@PAY.example. ", "alice@pay.example"),
        ("lightning:alice@pay.example", "alice@pay.example"),
        ("LIGHTNING:" + write_lnurl("https://pay.example/x").upper(), write_lnurl("https://pay.example/x")),
        ("lightning://" + write_lnurl("https://PAY.example.:443/X#y"), write_lnurl("https://pay.example/X")),
        ("https://a.example/?lightning=" + write_lnurl("https://pay.example"), write_lnurl("https://pay.example/")),
        ("lnurlp://pay.example/a@b", write_lnurl("https://pay.example/a@b")),
        (write_lnurl("https://pay.example/x?tag=payRequest"), write_lnurl("https://pay.example/x?tag=payRequest")),
    ],
)
async def test_an_address_has_one_form_which_is_its_own(address: str, canonical: str) -> None:
    async with unasked() as hosts:
        assert hosts.check(address) == canonical
        assert hosts.check(canonical) == canonical


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "destination_invalid"),
        ("alice", "destination_invalid"),
        ("alice@pay", "url_refused"),
        ("lnbcrt1nonsense", "destination_invalid"),
        ("https://pay.example/", "destination_invalid"),
        ("alice@münchen.example", "destination_invalid"),
        ("lightning:lightning:alice@pay.example", "destination_invalid"),
        (write_lnurl("https://pay.example/?tag=login&k1=00"), "destination_invalid"),
        (write_lnurl("http://pay.example/"), "url_refused"),
        (write_lnurl("https://10.0.0.1/"), "url_refused"),
        (write_lnurl("not a url"), "url_refused"),
        ("alice@127.0.0.1", "url_refused"),
        ("alice@localhost:8402", "url_refused"),
        ("alice@abc.onion", "url_refused"),
        ("alice@pay.example:0", "url_refused"),
        ("alice@-.example", "url_refused"),
        ("alice@gateway.example", "destination_is_here"),
        ("alice@GATEWAY.example.", "destination_is_here"),
        ("alice@gateway.example:443", "destination_is_here"),
        ("alice@gateway.example:8443", "destination_is_here"),
        (write_lnurl("https://gateway.example/other"), "destination_is_here"),
        (write_lnurl("HTTPS://Gateway.Example.:443").upper(), "destination_is_here"),
        ("lnurlp://gateway.example/", "destination_is_here"),
    ],
)
async def test_what_is_no_address_or_leads_here_is_refused_before_anybody_is_asked(address: str, code: str) -> None:
    async with unasked() as hosts:
        with pytest.raises(Invalid) as refusal:
            hosts.check(address)
        assert refusal.value.code == code


@pytest.mark.parametrize(
    ("public_url", "address"),
    [
        ("https://xn--mnchen-3ya.example", "alice@xn--mnchen-3ya.example"),
        ("https://münchen.example", "alice@xn--mnchen-3ya.example"),
        ("https://Gateway.example.", "alice@gateway.example"),
        ("https://[2606:4700::6810:0001]", write_lnurl("https://[2606:4700:0::6810:1]/")),
        ("http://127.0.0.1:8402", "alice@127.0.0.1:8402"),
    ],
)
async def test_here_is_recognised_however_the_public_url_is_written(public_url: str, address: str) -> None:
    async with unasked(public_url=public_url, allow=("127.0.0.1:8402",)) as hosts:
        with pytest.raises(Invalid) as refusal:
            hosts.check(address)
        assert refusal.value.code == "destination_is_here"


async def test_an_offer_that_leads_back_here_is_not_followed() -> None:
    async with open_world() as world:
        world.network.names["gateway.example"] = [["93.184.215.14"]]
        for address in ("alice@gateway.example", write_lnurl("https://gateway.example/")):
            with pytest.raises(Unavailable) as refusal:
                await world.hosts.offer(address)
            assert refusal.value.code == "host_not_allowed"
        assert world.network.resolved == []


async def test_a_host_of_the_own_network_that_the_operator_allows_is_asked_without_tls(tmp_path: Path) -> None:
    async def make_invoice(amount_msat: int, _: bytes) -> str:
        return f"invoice of {amount_msat}"

    async with serve_addresses(make_invoice, tmp_path / "port") as host:
        # The gateway and another service of one machine differ in their port.
        async with unasked(public_url="http://127.0.0.1:8402", allow=(host,)) as hosts:
            offer = await hosts.offer(hosts.check(f"Tomas@{host}"))
            assert await hosts.invoice(offer, AMOUNT_MSAT) == "invoice of 50000"
            with pytest.raises(Unavailable, match="Ask for an amount"):
                await hosts.invoice(offer, Msat(MIN_MSAT - 1))
        async with unasked() as hosts:
            with pytest.raises(Unavailable) as refusal:
                await hosts.offer(f"tomas@{host}")
            assert refusal.value.code == "host_not_allowed"


async def test_a_host_that_the_operator_allows_is_reached_by_no_other_hosts_callback() -> None:
    async with open_world(allow=("127.0.0.1:9",)) as world:
        with pytest.raises(Unavailable) as refusal:
            await world.hosts.offer("calls-inward@pay.example")
        assert refusal.value.code == "host_not_allowed"
        assert "127.0.0.1" not in {host for host, _ in world.network.dialed}


async def test_anybody_may_name_a_lightning_address_of_an_allowed_host_and_only_who_is_known_an_lnurl_there() -> None:
    async with unasked(allow=("lan.example:5000",)) as hosts:
        assert hosts.check("alice@lan.example:5000", is_from_anybody=True) == "alice@lan.example:5000"
        for url in ("http://lan.example:5000/admin?reset=1", "https://lan.example:5000"):
            with pytest.raises(Invalid) as refusal:
                hosts.check(write_lnurl(url), is_from_anybody=True)
            assert refusal.value.code == "url_refused"
            assert hosts.check(hosts.check(write_lnurl(url)))
        elsewhere = write_lnurl("https://pay.example/x")
        assert hosts.check(elsewhere, is_from_anybody=True) == elsewhere


@given(st.text() | st.text("a@.:-+_0/[]%", max_size=20) | st.text(max_size=30).map(write_lnurl))
async def test_whatever_is_set_as_an_address_is_refused_with_a_code_or_keeps_its_form(text: str) -> None:
    async with unasked() as hosts:
        try:
            canonical = hosts.check(text)
        except Invalid as refusal:
            assert refusal.detail.endswith(".")  # noqa: PT017  # the other branch is as good
            return
        assert hosts.check(canonical) == canonical
