"""The chain of the network: btcd, which mines blocks on request."""

import os
import pwd
import ssl
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from gateway.regtest.lock import locked
from gateway.regtest.names import CHAIN
from gateway.regtest.process import RegtestError, silent
from gateway.regtest.state import NetworkState, write_private

# btcd's regtest activates segwit after three windows of 144 blocks, and a coinbase is spendable after 100 more.
FIRST_BLOCKS = 600
# Blocks pay to the hash of a script of OP_TRUE alone, which anyone can spend without a signature: no wallet has to
# exist before the first block, and none collects a coin per block.
ANYONE_SCRIPT = b"\x51"
ANYONE_ADDRESS = "bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85"
SAT_PER_COIN = 100_000_000
COINBASE_SAT = 50 * SAT_PER_COIN
TRANSACTION_FEE_SAT = 20_000
RPC_SECONDS = 60.0
BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The RPC of btcd, and the journal of its blocks.

    btcd removes the chain of a regtest whenever it starts, and nodes would not recognise another one: so every block
    is kept in a file, a line each, and given back.
    """

    url: str
    user: str
    password: str = field(repr=False)
    certificate: Path
    journal: Path

    async def height(self) -> int:
        """The number of the newest block. Raises RegtestError if btcd does not answer."""
        return int(await self._call("getblockcount"))

    async def is_listening(self) -> bool:
        """Whether btcd answers."""
        try:
            await self.height()
        except (RegtestError, FileNotFoundError, ssl.SSLError):
            return False
        return True

    async def mine(self, blocks: int) -> int:
        """Mine blocks; returns the new height. Raises RegtestError."""
        await self._call("generate", blocks)
        return await self.save()

    async def save(self) -> int:
        """Append the blocks that are missing in the journal; returns the height."""
        async with locked(self.journal.parent, silent):
            known = len(self._read_journal())
            height = await self.height()
            for start in range(known + 1, height + 1, BATCH):
                numbers = range(start, min(start + BATCH, height + 1))
                hashes = await self._batch("getblockhash", [[number] for number in numbers])
                blocks = await self._batch("getblock", [[block_hash, 0] for block_hash in hashes])
                with self.journal.open("a", encoding="ascii") as journal:
                    journal.writelines(f"{block}\n" for block in blocks)
        return height

    async def restore(self) -> None:
        """Submit the blocks of the journal to a btcd that has just started. Raises RegtestError if it refuses one."""
        blocks = self._read_journal()
        for start in range(await self.height(), len(blocks), BATCH):
            answers = await self._batch("submitblock", [[block] for block in blocks[start : start + BATCH]])
            if any(answers):
                raise RegtestError(
                    f"btcd refused the blocks in {self.journal}. Start over: tuppence regtest down --delete"
                )

    async def give(self, addresses: Sequence[str]) -> None:
        """Divide the first block's reward evenly among addresses of nodes; the next block confirms it.

        btcd writes transactions to P2PKH and P2SH addresses only.
        """
        block = await self._call("getblock", await self._call("getblockhash", 1))
        coin = {"txid": block["tx"][0], "vout": 0}
        share_sat = (COINBASE_SAT - TRANSACTION_FEE_SAT) // len(addresses)
        outputs = dict.fromkeys(addresses, share_sat / SAT_PER_COIN)
        unsigned = await self._call("createrawtransaction", [coin], outputs)
        await self._call("sendrawtransaction", with_witness(str(unsigned)))

    def _read_journal(self) -> list[str]:
        return self.journal.read_text(encoding="ascii").splitlines() if self.journal.exists() else []

    async def _call(self, method: str, *params: object) -> Any:
        [answer] = await self._batch(method, [params])
        return answer

    async def _batch(self, method: str, calls: Sequence[Sequence[object]]) -> list[Any]:
        context = ssl.create_default_context(cafile=str(self.certificate))
        headers = {"Authorization": "Basic " + b64encode(f"{self.user}:{self.password}".encode()).decode()}
        body = [{"jsonrpc": "2.0", "id": n, "method": method, "params": params} for n, params in enumerate(calls)]
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=RPC_SECONDS)) as session,
                session.post(self.url, json=body, headers=headers, ssl=context) as response,
            ):
                answers = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RegtestError(
                f"btcd does not answer ({type(error).__name__}). Is the network up? See: tuppence regtest status"
            ) from error
        errors = [answer["error"] for answer in answers if answer.get("error")]
        if errors:
            raise RegtestError(f"btcd refused {method}: {errors[0]}")
        return [answer["result"] for answer in answers]


def with_witness(transaction: str) -> str:
    """Add the witness of BIP 141 to a transaction in hex that spends one output of ANYONE_ADDRESS."""
    version, inputs_and_outputs, lock_time = transaction[:8], transaction[8:-8], transaction[-8:]
    marker_and_flag = "0001"
    items, length = "01", f"{len(ANYONE_SCRIPT):02x}"
    return version + marker_and_flag + inputs_and_outputs + items + length + ANYONE_SCRIPT.hex() + lock_time


def chain_of(folder: Path, state: NetworkState) -> Chain:
    """The chain of the network in this folder."""
    return Chain(
        url=f"https://127.0.0.1:{state.ports[CHAIN].rpc}",
        user=state.rpc_user,
        password=state.rpc_password,
        certificate=folder / CHAIN / "rpc.cert",
        journal=folder / CHAIN / "blocks.hex",
    )


def write_chain_files(folder: Path, state: NetworkState) -> None:
    """Write the configuration of btcd, and of btcctl, which would otherwise use the one in the user's home."""
    home = folder / CHAIN
    home.mkdir(mode=0o700, exist_ok=True)
    ports = state.ports[CHAIN]
    certificate, key = home / "rpc.cert", home / "rpc.key"
    write_private(
        home / "btcd.conf",
        "[Application Options]\n"
        "regtest=1\n"
        f"datadir={home / 'data'}\n"
        f"logdir={home / 'logs'}\n"
        f"listen=127.0.0.1:{ports.peer}\n"
        f"rpclisten=127.0.0.1:{ports.rpc}\n"
        f"rpcuser={state.rpc_user}\n"
        f"rpcpass={state.rpc_password}\n"
        f"rpccert={certificate}\n"
        f"rpckey={key}\n"
        "txindex=1\n"
        "rpcmaxclients=50\n"
        "rpcmaxwebsockets=50\n"
        f"miningaddr={ANYONE_ADDRESS}\n"
        "debuglevel=info\n",
    )
    write_private(
        home / "btcctl.conf",
        "[Application Options]\n"
        "regtest=1\n"
        f"rpcserver=127.0.0.1:{ports.rpc}\n"
        f"rpcuser={state.rpc_user}\n"
        f"rpcpass={state.rpc_password}\n"
        f"rpccert={certificate}\n",
    )


@contextmanager
def tidy_home() -> Iterator[None]:
    """Remove the empty folder that btcd creates in the user's home whatever its configuration."""
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    missing = [path for path in (home / ".btcd", home / "Library/Application Support/Btcd") if not path.exists()]
    try:
        yield
    finally:
        for path in missing:
            with suppress(OSError):
                path.rmdir()


def chain_command(folder: Path, state: NetworkState) -> list[str]:
    """The command line of btcd with its configuration."""
    return [state.binaries.btcd, f"--configfile={folder / CHAIN / 'btcd.conf'}"]
