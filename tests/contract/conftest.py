"""The node under contract: the simulated one always, real ones on both of LND's databases where they are asked for."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.regtest.lifetime import up
from tests.contract.nodes import ContractNode, real_side, simulated_side
from tests.real.network import shared_network, start_network, stop_network


@pytest.fixture(
    scope="session",
    params=[
        "simulated",
        pytest.param("sqlite", marks=pytest.mark.regtest),
        pytest.param("bbolt", marks=pytest.mark.regtest),
    ],
)
def network_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path | None]:
    """A real network on this database; None where the node is simulated."""
    if request.param == "simulated":
        yield None
    elif request.param == "sqlite":
        yield shared_network(request.config, tmp_path_factory)
    else:
        folder = tmp_path_factory.mktemp("bbolt") / "regtest"
        start_network(folder, "bbolt")
        yield folder
        stop_network(folder)


@pytest.fixture
async def lnd(network_folder: Path | None, tmp_path: Path) -> AsyncIterator[ContractNode]:
    if network_folder is None:
        async with simulated_side(tmp_path / "lnd") as side:
            yield side
    else:
        async with await up(network_folder) as network, real_side(network) as side:
            yield side
