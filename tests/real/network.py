"""The one real network that most tests share: what a test leaves on it, the next one finds."""

import asyncio
from pathlib import Path

import pytest

from gateway.regtest.lifetime import down, up
from gateway.regtest.names import Backend

_FOLDER = pytest.StashKey[Path]()


def shared_network(config: pytest.Config, folders: pytest.TempPathFactory) -> Path:
    """Its folder. The first caller waits until it is up; it is gone when pytest ends."""
    if _FOLDER not in config.stash:
        folder = folders.mktemp("shared") / "regtest"
        config.add_cleanup(lambda: stop_network(folder))
        start_network(folder, "sqlite")
        config.stash[_FOLDER] = folder
    return config.stash[_FOLDER]


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
