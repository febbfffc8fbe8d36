"""The nodes of the configuration that pay: their macaroons are judged when they are used, and sales go on."""

import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.app.assemble import open_gateway
from gateway.config import load_config
from gateway.errors import Unavailable
from gateway.ports.node import NodeState
from gateway.simulator.server import serve_simulator
from gateway.wire.lnd_macaroon import PAYOUTS
from tests.support.clock import until
from tests.support.nodes.lnd_client import is_answered


async def test_a_macaroon_that_can_do_too_much_keeps_payouts_back_until_it_is_replaced_and_sales_never(
    tmp_path: Path,
) -> None:
    macaroon = tmp_path / "payout.macaroon"
    async with serve_simulator(tmp_path / "lnd", clock=time.time, funds_msat=2_000_000) as lnd:
        lnd.identity.bake(macaroon, ["offchain:read", "offchain:write", "info:read"])
        config = load_config(
            data_dir=tmp_path / "data",
            lnd_target=lnd.target,
            lnd_tls_cert=lnd.tls_cert_path,
            lnd_macaroon=lnd.macaroon_path,
            payout_macaroon=macaroon,
        )
        with capture_logs() as logs:
            async with open_gateway(config) as gateway:
                [refused] = [line for line in logs if line["event"] == "payouts_refused"]
                assert (refused["log_level"], refused["node_id"]) == ("error", "lnd")
                assert f"{macaroon} is not used: it also allows offchain:read" in refused["detail"]
                [serving] = gateway.nodes
                await until(lambda: serving.health.state is NodeState.READY)
                with pytest.raises(Unavailable) as caught:
                    await gateway.payouts.nodes.able(1_000_000)
                assert caught.value.code == "no_node_able"
                lnd.identity.bake(macaroon, [f"uri:{method}" for method in PAYOUTS.needed])
                # As soon as the node that sells is known by its key.
                await until(lambda: is_answered(gateway.payouts.nodes.able(1_000_000)))
