"""The real networks that tests share, one on each of LND's databases: what a test leaves on it, the next one finds."""

import asyncio
from pathlib import Path

import pytest

from gateway.regtest.lifetime import down, up
from gateway.regtest.names import Backend

_FOLDERS = pytest.StashKey[dict[Backend, Path]]()


def shared_network(config: pytest.Config, folders: pytest.TempPathFactory, backend: Backend = "sqlite") -> Path:
    """Its folder. The first caller waits until it is up; it is gone when pytest ends."""
    started = config.stash.setdefault(_FOLDERS, {})
    if backend not in started:
        folder = folders.mktemp(backend) / "regtest"
        config.add_cleanup(lambda: stop_network(folder))
        start_network(folder, backend)
        started[backend] = folder
    return started[backend]


def start_network(folder: Path, backend: Backend) -> None:
    """Start a network that stays up."""

    async def start() -> None:
        async with await up(folder, backend=backend):
            pass

    asyncio.run(start())


def stop_network(folder: Path) -> None:
    """Stop a network and remove its folder."""
    asyncio.run(down(folder, delete=True))
    assert not folder.exists()
