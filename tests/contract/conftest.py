"""The node under contract: the simulated one always, real ones on both of LND's databases where they are asked for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.regtest.lifetime import down
from gateway.regtest.network import load_network
from tests.contract.nodes import ContractNode, real_side, simulated_side, start_network


@pytest.fixture(
    scope="session",
    params=[
        "simulated",
        pytest.param("sqlite", marks=pytest.mark.regtest),
        pytest.param("bbolt", marks=pytest.mark.regtest),
    ],
)
def network_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """A real network on this database, started once for all tests; None where the node is simulated."""
    if request.param == "simulated":
        yield None
        return
    folder = tmp_path_factory.mktemp(request.param) / "regtest"
    asyncio.run(start_network(folder, request.param))
    yield folder
    asyncio.run(down(folder, delete=True))


@pytest.fixture
async def lnd(network_folder: Path | None, tmp_path: Path) -> AsyncIterator[ContractNode]:
    if network_folder is None:
        async with simulated_side(tmp_path / "lnd") as side:
            yield side
    else:
        async with load_network(network_folder) as network, real_side(network) as side:
            yield side
