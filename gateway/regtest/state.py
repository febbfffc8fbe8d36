"""The saved state of a regtest network, by which the next command finds it."""

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import msgspec

from gateway.regtest.names import CHAIN, NODE_NAMES, Backend
from gateway.regtest.process import Process, RegtestError

# Below the range of ephemeral ports, so that they are still free at the next start.
PORT_RANGE = range(20_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The two loopback ports of a process: `peer` for peers, `rpc` for clients."""

    peer: int
    rpc: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Paths of the four programs; `lncli` and `btcctl` are for people."""

    lnd: str
    lncli: str
    btcd: str
    btcctl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """The state of one network: its database, programs, ports and processes, and whether its channels are open."""

    backend: Backend
    binaries: Binaries
    rpc_user: str
    rpc_password: str = field(repr=False)
    ports: dict[str, Ports]
    processes: dict[str, Process] = field(default_factory=dict)
    funded: bool = False


def new_state(*, backend: Backend, binaries: Binaries) -> NetworkState:
    """The state of a new network on free ports, with a random password for btcd's RPC."""
    names = (CHAIN, *NODE_NAMES)
    ports = iter(_free_ports(2 * len(names)))
    return NetworkState(
        backend=backend,
        binaries=binaries,
        rpc_user="tuppence",
        rpc_password=secrets.token_hex(16),
        ports={name: Ports(peer=next(ports), rpc=next(ports)) for name in names},
    )


def load_state(folder: Path) -> NetworkState | None:
    """Read the state; None if there is no network. Raises RegtestError if it cannot be read."""
    path = folder / "state.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=NetworkState)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise RegtestError(
            f"{path} cannot be read ({error}). Stop what still runs from {folder} by hand, then remove the folder."
        ) from error


def save_state(folder: Path, state: NetworkState) -> None:
    """Write the state atomically."""
    write_private(folder / "state.json", msgspec.json.format(msgspec.json.encode(state)).decode() + "\n")


def write_env(path: Path, variables: Mapping[str, str]) -> None:
    """Write variables as `KEY=value` lines, in a file that only this user can read."""
    write_private(path, "".join(f"{name}={value}\n" for name, value in variables.items()))


def read_env(path: Path) -> Mapping[str, str]:
    """Read variables that `write_env` wrote. Raises RegtestError if there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise RegtestError(f"{path} is missing. Start the network first: tuppence regtest up") from error
    return MappingProxyType(dict(line.split("=", 1) for line in lines if "=" in line))


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file atomically, with mode 0600 from its first byte on."""
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    draft.replace(path)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_ports(count: int) -> list[int]:
    candidates = secrets.SystemRandom().sample(PORT_RANGE, len(PORT_RANGE))
    free = (port for port in candidates if is_free(port))
    return [next(free) for _ in range(count)]
