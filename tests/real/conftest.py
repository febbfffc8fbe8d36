"""A real network that is up, a wallet on it, and a gateway that sells there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.regtest.lifetime import up
from gateway.regtest.network import Network
from gateway.regtest.wallet import LndWallet
from tests.real.network import shared_network
from tests.real.shop import Shop, open_shop


@pytest.fixture
def folder(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_network(pytestconfig, tmp_path_factory)


@pytest.fixture
async def network(folder: Path) -> AsyncIterator[Network]:
    """Up, whatever the test before has stopped."""
    async with await up(folder) as opened:
        yield opened


@pytest.fixture
async def wallet(network: Network) -> AsyncIterator[LndWallet]:
    async with LndWallet.of_network(network.folder) as reader:
        yield reader


@pytest.fixture
async def shop(network: Network, wallet: LndWallet, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, network, wallet) as opened:
        yield opened
