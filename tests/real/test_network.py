"""A real network as its users see it: payments with every outcome, restarts, crashes, and what is left behind."""

import asyncio
import hashlib
import os
import secrets
import signal
import stat
from pathlib import Path

import grpc
import pytest
from lndgrpc.compiled import invoices_pb2, lightning_pb2, router_pb2

from gateway.demo.wallet import (
    AlreadyPaid,
    InvalidInvoice,
    InvoiceExpired,
    NoRoute,
    OutcomeUnknown,
    WalletAway,
    WalletError,
)
from gateway.lnd.payments import LndPayer
from gateway.money import Msat
from gateway.ports.payer import PaymentState
from gateway.regtest.credentials import GATEWAY_ENV, PAYEE_ENV, WALLET_ENV
from gateway.regtest.lifetime import down, up
from gateway.regtest.names import CHAIN, NODE_NAMES
from gateway.regtest.network import Network, load_network
from gateway.regtest.node import CALL_SECONDS, Credentials, Node
from gateway.regtest.process import Process, RegtestError, is_running, until
from gateway.regtest.state import read_env
from gateway.regtest.status import status
from gateway.regtest.wallet import LndWallet
from gateway.regtest.wallet_process import WALLET, open_wallet

pytestmark = pytest.mark.regtest

PRICE_MSAT = 100_000


async def invoice(network: Network, *, amount_msat: int = PRICE_MSAT, expiry_seconds: int = 600) -> str:
    """A new invoice of the merchant's."""
    merchant = await network.node("merchant")
    request = lightning_pb2.Invoice(value_msat=amount_msat, expiry=expiry_seconds, memo="welcome")
    answer = await merchant.lightning.AddInvoice(request, timeout=CALL_SECONDS)
    return str(answer.payment_request)


async def test_an_invoice_is_decoded_paid_once_and_refused_then(network: Network, wallet: LndWallet) -> None:
    payment_request = await invoice(network)
    decoded = await wallet.decode(payment_request)
    merchant = await (await network.node("merchant")).info()
    assert (decoded.amount_msat, decoded.description) == (PRICE_MSAT, "welcome")
    assert decoded.payee == merchant.identity_pubkey
    before = await wallet.balance_msat()
    assert len(await wallet.pay(payment_request)) == 64
    assert await wallet.balance_msat() == before - PRICE_MSAT
    with pytest.raises(AlreadyPaid):
        await wallet.pay(payment_request)


async def test_fifty_readers_pay_at_once(network: Network, wallet: LndWallet) -> None:
    payment_requests = [await invoice(network) for _ in range(50)]
    preimages = await asyncio.gather(*(wallet.pay(payment_request) for payment_request in payment_requests))
    assert len({*preimages}) == 50


async def test_one_invoice_paid_by_many_at_once_is_paid_once(network: Network, wallet: LndWallet) -> None:
    payment_request = await invoice(network)
    before = await wallet.balance_msat()
    answers = await asyncio.gather(*(wallet.pay(payment_request) for _ in range(5)), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyPaid"] * 4 + ["str"]
    assert await wallet.balance_msat() == before - PRICE_MSAT


@pytest.mark.parametrize(
    ("amount_msat", "failure"), [(0, InvalidInvoice), (40_000_000_000, NoRoute)], ids=["no amount", "too much"]
)
async def test_an_invoice_that_cannot_be_paid_is_refused_by_kind(
    network: Network, wallet: LndWallet, amount_msat: int, failure: type[WalletError]
) -> None:
    with pytest.raises(failure):
        await wallet.pay(await invoice(network, amount_msat=amount_msat))


async def test_an_invoice_of_another_network_is_refused(wallet: LndWallet) -> None:
    with pytest.raises(InvalidInvoice):
        await wallet.pay("lnbc1nothing")


async def test_an_invoice_that_has_expired_or_was_canceled_is_refused_as_gone(
    network: Network, wallet: LndWallet
) -> None:
    merchant = await network.node("merchant")
    expiring, canceled = await invoice(network, expiry_seconds=1), await invoice(network)
    payment_hash = bytes.fromhex((await wallet.decode(canceled)).payment_hash)
    await merchant.invoices.CancelInvoice(invoices_pb2.CancelInvoiceMsg(payment_hash=payment_hash))
    with pytest.raises(InvoiceExpired, match="no longer"):
        await wallet.pay(canceled)
    expiring_hash = lightning_pb2.PaymentHash(r_hash=bytes.fromhex((await wallet.decode(expiring)).payment_hash))

    async def has_expired() -> bool:
        answer = await merchant.lightning.LookupInvoice(expiring_hash, timeout=CALL_SECONDS)
        return bool(answer.state == lightning_pb2.Invoice.CANCELED)

    await until(has_expired, seconds=30, what="the expiry")
    with pytest.raises(InvoiceExpired, match="has expired"):
        await wallet.pay(expiring)


@pytest.mark.parametrize("crash", [False, True])
async def test_a_merchant_that_restarts_is_paid_at_once(network: Network, wallet: LndWallet, crash: bool) -> None:
    payment_request = await invoice(network)
    await network.stop_node("merchant", crash=crash)
    assert not network.is_running("merchant")
    reader = await network.node("reader")

    async def has_noticed() -> bool:
        active = lightning_pb2.ListChannelsRequest(active_only=True)
        return not (await reader.lightning.ListChannels(active, timeout=CALL_SECONDS)).channels

    await until(has_noticed, seconds=30, what="a reader without channels")
    with pytest.raises(NoRoute):
        await wallet.pay(payment_request)
    await network.start_node("merchant")
    assert await wallet.pay(payment_request)


async def test_a_payment_that_the_payee_holds_is_unknown_until_it_is_over(network: Network) -> None:
    merchant, preimage = await network.node("merchant"), secrets.token_bytes(32)
    held = invoices_pb2.AddHoldInvoiceRequest(hash=hashlib.sha256(preimage).digest(), value_msat=PRICE_MSAT)
    payment_request = (await merchant.invoices.AddHoldInvoice(held, timeout=CALL_SECONDS)).payment_request
    async with LndWallet.of_network(network.folder, pay_seconds=1.0, track_seconds=0.5) as hasty:
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                await hasty.pay(payment_request)
    await merchant.invoices.SettleInvoice(invoices_pb2.SettleInvoiceMsg(preimage=preimage), timeout=CALL_SECONDS)
    async with LndWallet.of_network(network.folder, pay_seconds=1.0, track_seconds=20.0) as wallet:
        with pytest.raises(AlreadyPaid):
            await wallet.pay(payment_request)


async def test_a_wallet_whose_node_is_down_is_away(network: Network, wallet: LndWallet) -> None:
    payment_request = await invoice(network)
    await network.stop_node("reader")
    with pytest.raises(WalletAway):
        await wallet.pay(payment_request)
    await network.start_node("reader")
    assert await wallet.pay(payment_request)


async def test_a_wallets_process_ends_with_its_block_or_makes_way_for_the_next(folder: Path, network: Network) -> None:
    async with open_wallet(folder) as wallet:
        assert await wallet.pay(await invoice(network))
        first = wallet_process(folder)
        async with open_wallet(folder) as successor:
            assert not is_running(first)
            assert await successor.pay(await invoice(network))
            second = wallet_process(folder)
    assert not is_running(second)


def wallet_process(folder: Path) -> Process:
    """What is noted of it, so that `down` would end it too."""
    process = load_network(folder).state.processes[WALLET]
    assert is_running(process)
    return process


async def test_the_gateways_macaroon_takes_invoices_and_spends_nothing(folder: Path, network: Network) -> None:
    target, tls_cert, macaroon, _ = read_env(folder / GATEWAY_ENV).values()
    async with Node(Credentials(target=target, tls_cert=Path(tls_cert), macaroon=Path(macaroon))) as merchant:
        assert (await merchant.info()).alias == "merchant"
        await merchant.lightning.AddInvoice(lightning_pb2.Invoice(value_msat=PRICE_MSAT), timeout=CALL_SECONDS)
        payment = router_pb2.SendPaymentRequest(payment_request=await invoice(network), timeout_seconds=5)
        refused = (
            merchant.new_address(),
            anext(aiter(merchant.router.SendPaymentV2(payment, timeout=CALL_SECONDS))),
            merchant.lightning.BakeMacaroon(lightning_pb2.BakeMacaroonRequest(), timeout=CALL_SECONDS),
        )
        for call in refused:
            with pytest.raises(grpc.aio.AioRpcError, match="permission denied"):
                await call


async def test_the_gateways_other_macaroon_pays_and_does_nothing_else(folder: Path, network: Network) -> None:
    variables = read_env(folder / GATEWAY_ENV)
    assert [*variables] == [
        "TUPPENCE_LND_TARGET",
        "TUPPENCE_LND_TLS_CERT",
        "TUPPENCE_LND_MACAROON",
        "TUPPENCE_PAYOUT_MACAROON",
    ]
    target, tls_cert, _, macaroon = variables.values()
    credentials = Credentials(target=target, tls_cert=Path(tls_cert), macaroon=Path(macaroon))
    payer = LndPayer(node_id="lnd", target=target, tls_cert=Path(tls_cert), macaroon=Path(macaroon))
    request = lightning_pb2.Invoice(value_msat=PRICE_MSAT)
    asked = (await (await network.node("creator")).lightning.AddInvoice(request, timeout=CALL_SECONDS)).payment_request
    try:
        decoded = await payer.decode(asked)
        report = await payer.send(
            asked, payment_hash=decoded.payment_hash, fee_limit_msat=Msat(1000), timeout_seconds=18
        )
        # The creator's node is a peer, so that no one asks for a fee.
        assert (report.state, report.amount_msat, report.fee_msat) == (PaymentState.SUCCEEDED, PRICE_MSAT, 0)
    finally:
        await payer.close()
    async with Node(credentials) as merchant:
        refused = (
            merchant.lightning.AddInvoice(request, timeout=CALL_SECONDS),
            merchant.new_address(),
            merchant.lightning.SendCoins(lightning_pb2.SendCoinsRequest(), timeout=CALL_SECONDS),
            merchant.lightning.BakeMacaroon(lightning_pb2.BakeMacaroonRequest(), timeout=CALL_SECONDS),
        )
        for call in refused:
            with pytest.raises(grpc.aio.AioRpcError, match="permission denied"):
                await call


async def test_secrets_are_this_users_alone(folder: Path, network: Network) -> None:
    names = (
        GATEWAY_ENV,
        WALLET_ENV,
        PAYEE_ENV,
        "state.json",
        *(f"{name}.macaroon" for name in (*NODE_NAMES, "payout")),
    )
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in names} == {0o600}
    assert stat.S_IMODE(network.folder.stat().st_mode) == 0o700


async def test_blocks_are_made_and_followed(network: Network) -> None:
    before = await network.chain.height()
    assert await network.mine(3) == before + 3
    assert {process.height for process in await status(network.folder)} == {before + 3}


async def test_a_network_that_was_down_comes_back_with_its_chain_and_channels(folder: Path, network: Network) -> None:
    height, before = await network.chain.height(), await status(folder)
    assert await down(folder)
    assert not await down(folder)
    assert {process.pid for process in await status(folder)} == {None}
    async with await up(folder) as again, LndWallet.of_network(folder) as wallet:
        assert {*again.started} == {CHAIN, *NODE_NAMES}
        # One more, lest the nodes think that the chain stands still.
        assert await again.chain.height() == height + 1
        after = await status(folder)
        assert [process.channels for process in after] == [process.channels for process in before]
        assert all(channel.active for process in after for channel in process.channels)
        assert await wallet.pay(await invoice(again))
    async with await up(folder) as same:
        assert same.started == ()


async def test_a_killed_btcd_comes_back_with_its_chain(folder: Path, network: Network) -> None:
    height = await network.chain.height()
    os.kill(network.state.processes[CHAIN].pid, signal.SIGKILL)
    with pytest.raises(RegtestError, match="tuppence regtest status"):
        await network.chain.height()
    async with await up(folder) as again, LndWallet.of_network(folder) as wallet:
        assert await again.chain.height() == height + 1
        assert await wallet.pay(await invoice(again))


async def test_another_database_is_refused_for_a_network_that_is_there(folder: Path, network: Network) -> None:
    assert load_network(folder).state.backend == network.state.backend == "sqlite"
    with pytest.raises(RegtestError, match="down --delete"):
        await up(folder, backend="bbolt")
