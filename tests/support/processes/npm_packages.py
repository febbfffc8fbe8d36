"""Packages of npm, of the versions that a folder locks: installed once, for every run and every process of tests."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

INSTALLED = Path(__file__).parents[3] / ".tuppence" / "npm"
LOCKED = ("package.json", "package-lock.json")
# npm writes it when all the rest is there.
LAST_WRITTEN = ".package-lock.json"


def add_packages(folder: Path) -> None:
    """Give a folder the packages that it locks, in a `node_modules` into which its tools may write."""
    packages = install_packages(folder)
    own = folder / "node_modules"
    own.mkdir()
    for package in packages.iterdir():
        if not package.name.startswith(".") or package.name == ".bin":
            (own / package.name).symlink_to(package)


def install_packages(folder: Path, *options: str) -> Path:
    """Install what `folder` locks, unless a run before did; gives the folder `node_modules`."""
    locked = b"".join((folder / name).read_bytes() for name in LOCKED)
    home = INSTALLED / hashlib.sha256(locked + repr(options).encode()).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    packages = home / "node_modules"
    handle = os.open(home, os.O_RDONLY)
    try:
        # One of several test processes installs, the others wait.
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (packages / LAST_WRITTEN).exists():
            for name in LOCKED:
                shutil.copy(folder / name, home)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", *options]
            subprocess.run(command, cwd=home, check=True, capture_output=True)
    finally:
        os.close(handle)
    return packages
