"""The creators who ask for payouts over HTTP, and their operator, while the gateway may be killed at any time."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp

from gateway.money import from_sat
from tools.bench.nodes import Payable
from tools.torture.rig import LOOK_SECONDS, PATIENCE_SECONDS, Rig
from tools.torture.tally import Failed

LEAST_SAT, MOST_SAT = 100, 2_000
PATIENT_SECONDS = 30.0
IMPATIENT_SECONDS = (0.003, 0.01, 0.03)
"""A client that is gone before the answer."""
NOT_ENDED = ("trying", "waiting", "needs_decision")
MOST_LISTED = 500
UNPAID = {"paid": False, "note": "The operator thinks so."}


@dataclass(slots=True)
class Askers:
    """Creators, each with a key and an address of its own, and the operator."""

    url: str
    operator_key: str
    session: aiohttp.ClientSession
    rng: Random
    keys: dict[str, str] = field(default_factory=dict)
    """The creators' keys by name."""
    asked: set[str] = field(default_factory=set)
    """The ids of the payouts that were asked for."""
    unanswered: int = 0
    """How many payouts were asked for again because there was no answer."""
    resolved: int = 0
    """Payouts that the operator ended."""

    async def open_balances(self, rig: Rig, host: str, *, creators: int, received_msat: int) -> None:
        """Creators of whom each has received a tip and named an address at the host. Raises `Failed`."""
        for number in range(creators):
            name = f"creator-{number}"
            created = await self.operate("POST", "/v1/admin/creators", json={"name": name})
            self.keys[name] = created["api_key"]
            address = {"address": f"{name}@{host}"}
            await self.operate("PUT", f"/v1/admin/creators/{name}/destination", json=address)
            tip = await self.operate("POST", f"/v1/creators/{name}/tips", json={"amount_msat": received_msat})
            await rig.node.pay(Payable(tip["payment_hash"], tip["payment_request"]))
            rig.paid.append(tip)
        await rig.until_credited()

    async def ask(self) -> None:
        """Ask for a payout until there is an answer, and once more, always with one key. Raises `Failed`."""
        name = self.rng.choice(list(self.keys))
        headers = {"Authorization": f"Bearer {self.keys[name]}", "Idempotency-Key": self.rng.randbytes(16).hex()}
        wanted = {"creator": name, "amount_msat": from_sat(self.rng.randint(LEAST_SAT, MOST_SAT))}
        ids = {await self._until_answered(headers, wanted) for _ in range(2)}
        if len(ids) > 1:
            raise Failed(f"one key asked for {len(ids)} payouts: {', '.join(sorted(ids))}")
        self.asked |= ids

    async def decide(self) -> int:
        """As a rash operator, try again what waits, and call all else unpaid; gives how many payouts have not ended."""
        payouts = await self.operate("GET", f"/v1/admin/payouts?limit={MOST_LISTED}")
        left = [payout for payout in payouts if payout["state"] in NOT_ENDED]
        for payout in left:
            path = f"/v1/admin/payouts/{payout['payout_id']}"
            if payout["state"] != "trying":
                await self._call("POST", f"{path}/retry", self._as_operator())
            else:
                # Refused as long as the node has it or may still send it.
                status, _ = await self._call("POST", f"{path}/resolve", self._as_operator(), json=UNPAID)
                self.resolved += status == 200
        return len(left)

    async def operate(self, method: str, path: str, **options: Any) -> Any:
        """What the gateway answers to its operator. Raises `Failed` if it refuses."""
        status, answer = await self._call(method, path, self._as_operator(), **options)
        if status >= 300:
            raise Failed(f"{method} {path} answers {status}: {answer}")
        return answer

    async def _until_answered(self, headers: dict[str, str], wanted: dict[str, Any]) -> str:
        began, patience = time.monotonic(), self.rng.choice([PATIENT_SECONDS, *IMPATIENT_SECONDS])
        asked_before = False
        while time.monotonic() - began < PATIENCE_SECONDS:
            with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                async with asyncio.timeout(patience):
                    status, answer = await self._call("POST", "/v1/admin/payouts", headers, json=wanted)
                if status == 201:
                    return str(answer["payout_id"])
                if status != 503:
                    raise Failed(f"a payout that its creator may ask for was refused: {answer}")
            self.unanswered += not asked_before
            asked_before, patience = True, PATIENT_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
        raise Failed(f"a payout was asked for, and there was no answer for {PATIENCE_SECONDS:.0f} s")

    async def _call(self, method: str, path: str, headers: dict[str, str], **options: Any) -> tuple[int, Any]:
        async with self.session.request(method, self.url + path, headers=headers, **options) as response:
            return response.status, await response.json(content_type=None)

    def _as_operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.operator_key}"}
