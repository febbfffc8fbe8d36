"""The reader's wallet over its socket, and how it interprets LND's answers."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lndgrpc.compiled import lightning_pb2

from gateway.demo.wallet import (
    STATUS,
    AlreadyPaid,
    DecodedInvoice,
    InvalidInvoice,
    InvoiceExpired,
    NoRoute,
    OutcomeUnknown,
    WalletAway,
    WalletError,
)
from gateway.demo.wallet_client import SocketWallet
from gateway.regtest.process import RegtestError, until
from gateway.regtest.wallet import preimage_of
from gateway.regtest.wallet_server import SOCKET, serve_wallet

INVOICE = DecodedInvoice(
    payment_hash="ab" * 32,
    amount_msat=100_000,
    payee="02" + "cd" * 32,
    description="alice · Tuppence",
    expires_at=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
)
PREIMAGE = "ef" * 32


class ScriptedWallet:
    """Fails as the invoice's text says, else pays."""

    async def pay(self, payment_request: str) -> str:
        for failure in STATUS:
            if failure.__name__ == payment_request:
                raise failure(f"told {payment_request}")
        return PREIMAGE

    async def balance_msat(self) -> int:
        return 10_000_000

    async def decode(self, payment_request: str) -> DecodedInvoice:
        if payment_request != "good":
            raise InvalidInvoice("unreadable")
        return INVOICE

    async def close(self) -> None:
        """Nothing is open."""


class StandingChain:
    """A chain that nobody has to wait for."""

    async def mine(self, blocks: int) -> int:
        return blocks


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """The socket of a served wallet."""
    socket = tmp_path / SOCKET
    serving = asyncio.create_task(serve_wallet(ScriptedWallet(), socket, StandingChain()))

    async def is_there() -> bool:
        return socket.exists() and stat.S_IMODE(socket.stat().st_mode) == 0o600

    await until(is_there, seconds=10, what="the wallet's socket")
    yield socket
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    assert not socket.exists()


@pytest.fixture
async def wallet(path: Path) -> AsyncIterator[SocketWallet]:
    client = SocketWallet(path)
    yield client
    await client.close()


async def test_what_the_wallet_answers_comes_over_the_socket_unchanged(wallet: SocketWallet) -> None:
    assert await wallet.pay("good") == PREIMAGE
    assert await wallet.balance_msat() == 10_000_000
    assert await wallet.decode("good") == INVOICE


@pytest.mark.parametrize("failure", STATUS, ids=lambda failure: failure.__name__)
async def test_every_failure_keeps_its_kind_and_its_words(wallet: SocketWallet, failure: type[WalletError]) -> None:
    with pytest.raises(failure, match=f"told {failure.__name__}") as raised:
        await wallet.pay(failure.__name__)
    assert type(raised.value) is failure


async def test_an_invoice_of_any_length_is_refused_and_not_unknown(wallet: SocketWallet) -> None:
    with pytest.raises(InvalidInvoice, match="Send JSON"):
        await wallet.pay("x" * 20_000)


async def test_a_wallet_that_is_not_served_is_away(tmp_path: Path) -> None:
    client = SocketWallet(tmp_path / SOCKET)
    with pytest.raises(WalletAway, match="tuppence regtest wallet"):
        await client.balance_msat()
    await client.close()


async def test_a_wallet_that_breaks_off_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()
        await writer.wait_closed()

    client = SocketWallet(tmp_path / SOCKET)
    async with await asyncio.start_unix_server(hang_up, tmp_path / SOCKET):
        with pytest.raises(OutcomeUnknown, match="asking again is safe"):
            await client.pay("good")
    await client.close()


async def test_a_second_wallet_does_not_take_the_socket_of_the_first(path: Path, wallet: SocketWallet) -> None:
    with pytest.raises(RegtestError, match="already"):
        await serve_wallet(ScriptedWallet(), path, StandingChain())
    assert await wallet.balance_msat() == 10_000_000


async def test_a_socket_that_a_killed_wallet_left_is_taken_over(tmp_path: Path) -> None:
    async with await asyncio.start_unix_server(lambda *_: None, tmp_path / SOCKET):
        pass
    assert (tmp_path / SOCKET).exists()
    serving = asyncio.create_task(serve_wallet(ScriptedWallet(), tmp_path / SOCKET, StandingChain()))
    client = SocketWallet(tmp_path / SOCKET)

    async def answers() -> bool:
        with suppress(WalletAway):
            return await client.balance_msat() > 0
        return False

    await until(answers, seconds=10, what="a wallet that answers")
    await client.close()
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def test_a_path_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(RegtestError, match="100 characters"):
        await serve_wallet(ScriptedWallet(), tmp_path / ("x" * 120), StandingChain())


def payment(status: int, reason: int = lightning_pb2.FAILURE_REASON_NONE) -> lightning_pb2.Payment:
    return lightning_pb2.Payment(status=status, failure_reason=reason, payment_preimage=PREIMAGE)


def test_a_payment_that_succeeded_gives_its_preimage() -> None:
    assert preimage_of(payment(lightning_pb2.Payment.SUCCEEDED)) == PREIMAGE


@pytest.mark.parametrize("status", [lightning_pb2.Payment.UNKNOWN, lightning_pb2.Payment.IN_FLIGHT])
def test_a_payment_without_a_final_state_is_never_called_failed(status: int) -> None:
    with pytest.raises(OutcomeUnknown):
        preimage_of(payment(status))
    with pytest.raises(OutcomeUnknown):
        preimage_of(None)


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        (lightning_pb2.FAILURE_REASON_NO_ROUTE, NoRoute),
        (lightning_pb2.FAILURE_REASON_INSUFFICIENT_BALANCE, NoRoute),
        (lightning_pb2.FAILURE_REASON_TIMEOUT, NoRoute),
        (lightning_pb2.FAILURE_REASON_INCORRECT_PAYMENT_DETAILS, InvoiceExpired),
    ],
)
def test_a_failed_payment_is_told_by_its_reason(reason: int, failure: type[WalletError]) -> None:
    with pytest.raises(failure):
        preimage_of(payment(lightning_pb2.Payment.FAILED, reason))


def test_an_invoice_paid_before_is_a_failure_of_its_own() -> None:
    assert STATUS[AlreadyPaid] == 409
    assert len({*STATUS.values()}) == len(STATUS)
