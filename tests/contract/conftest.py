"""The nodes under contract: simulated ones always, real ones on both of LND's databases where they are asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.regtest.lifetime import up
from gateway.regtest.names import BACKENDS
from tests.contract.nodes import ContractNode, real_side, simulated_side
from tests.contract.payers import ContractPayer, in_process_payer, real_payer, simulated_payer
from tests.real.network import shared_network

REAL = [pytest.param(backend, marks=pytest.mark.regtest) for backend in BACKENDS]


@pytest.fixture(scope="session", params=["simulated", *REAL])
def network_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A real network on this database; None where the node is simulated."""
    simulated = request.param == "simulated"
    return None if simulated else shared_network(request.config, tmp_path_factory, request.param)


@pytest.fixture
async def lnd(network_folder: Path | None, tmp_path: Path) -> AsyncIterator[ContractNode]:
    if network_folder is None:
        async with simulated_side(tmp_path / "lnd") as side:
            yield side
    else:
        async with await up(network_folder) as network, real_side(network) as side:
            yield side


@pytest.fixture(scope="session", params=["in process", "simulated", *REAL])
def payer_kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str | Path:
    """`in process` or `simulated`, or the folder of a real network."""
    if request.param in BACKENDS:
        return shared_network(request.config, tmp_path_factory, request.param)
    return str(request.param)


@pytest.fixture
async def side(payer_kind: str | Path, tmp_path: Path) -> AsyncIterator[ContractPayer]:
    """A node that pays, two hops away from the creator's."""
    if isinstance(payer_kind, Path):
        async with await up(payer_kind) as network, real_payer(network, tmp_path) as side:
            yield side
    elif payer_kind == "simulated":
        async with simulated_payer(tmp_path / "lnd") as side:
            yield side
    else:
        yield in_process_payer()
