"""What is installed is whole: the built wheel, alone in an empty environment, serves a page and sells it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import aiohttp

from tests.support.processes.demo_process import free_port, ready, start, stop

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))


async def test_the_wheel_serves_its_pages_outside_the_checkout(tmp_path: Path) -> None:
    python = install_wheel(tmp_path)
    away = tmp_path / "away"
    away.mkdir()
    process = await start(away, "demo", "--no-browser", listen=f"127.0.0.1:{free_port()}", python=str(python))
    try:
        address = await ready(process, 60)
        async with aiohttp.ClientSession() as session:
            for path in ("/i/welcome", "/docs", "/openapi.json", "/healthz"):
                async with session.get(address + path) as response:
                    assert response.status == 200, path
            async with session.get(f"{address}/v1/items/welcome/content") as response:
                invoice = (await response.json(content_type=None))["invoice"]
            async with session.post(f"{address}/demo/pay", json={"invoice": invoice}) as response:
                assert response.status == 200
    finally:
        assert await stop(process) == 0


def install_wheel(folder: Path) -> Path:
    """Build the wheel and install it, with the locked versions, in an environment of its own; gives its Python."""
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(ROOT))
    run(UV, "venv", "--quiet", "--python", sys.executable, str(folder / "venv"))
    python = folder / "venv" / "bin" / "python"
    # By uv, which takes a tenth of pip's time; that pip installs the locks is tested in test_installing.
    install = (UV, "pip", "install", "--quiet", "--python", str(python))
    for lock in ("requirements-build.lock", "requirements.lock"):
        run(*install, "--require-hashes", "--no-build-isolation", "-r", str(ROOT / lock))
    wheel = next((folder / "dist").glob("*.whl"))
    run(*install, "--no-deps", str(wheel))
    return python


def run(*command: str) -> None:
    """Run a command from outside the checkout; its output is shown where it fails."""
    # As pip does: where a proxy's certificate is trusted, the system knows of it.
    environment = {"UV_SYSTEM_CERTS": "true"} | os.environ
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_the_demo_ends_cleanly_when_told(tmp_path: Path) -> None:
    process = await start(tmp_path, "demo", "--no-browser", listen=f"127.0.0.1:{free_port()}")
    await ready(process, 60)
    assert await asyncio.wait_for(stop(process), 15) == 0
