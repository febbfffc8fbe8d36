"""Hop hints are requested for every invoice if the node has unannounced channels, otherwise rarely."""

import time
from pathlib import Path

import pytest

from gateway.lnd.hop_hints import ASK_AGAIN_SECONDS, HopHints, has_hop_hints
from gateway.simulator.server import serve_simulator
from tests.support.nodes.lnd_client import client

WITHOUT = (
    "lnbcrt10n1p4sgp22pp56up29625g65lkvc0w8grejxqfcfaztu303sfp6f42plv2fnnuk7qdqzd5cqzzsxqzpusp5038fqc9gvzcgm9qa320zdx"
    "0n9qz7mngnj5s0s2uex3a2eck0mwkq9qxpqysgqj3t3tt7mfhf7gsphswkytcqgls69mgng0lwz4fpn6fzgt7g8k8t42utejg23sndsrsjd3t0u5s"
    "mz72xkc0carlg92yd85jp3y68c3rcq7umuf5"
)
"""An invoice of a real LND on regtest whose channels are all announced."""
WITH = (
    "lnbc9678785340p1pwmna7lpp5gc3xfm08u9qy06djf8dfflhugl6p7lgza6dsjxq454gxhj9t7a0sd8dgfkx7cmtwd68yetpd5s9xar0wfjn5gpc"
    "8qhrsdfq24f5ggrxdaezqsnvda3kkum5wfjkzmfqf3jkgem9wgsyuctwdus9xgrcyqcjcgpzgfskx6eqf9hzqnteypzxz7fzypfhg6trddjhygrcy"
    "qezcgpzfysywmm5ypxxjemgw3hxjmn8yptk7untd9hxwg3q2d6xjcmtv4ezq7pqxgsxzmnyyqcjqmt0wfjjq6t5v4khxxqyjw5qcqp2rzjq0gxwkz"
    "c8w6323m55m4jyxcjwmy7stt9hwkwe2qxmy8zpsgg7jcuwz87fcqqeuqqqyqqqqlgqqqqn3qq9qn07ytgrxxzad9hc4xt3mawjjt8znfv8xzscs70"
    "07v9gh9j569lencxa8xeujzkxs0uamak9aln6ez02uunw6rd2ht2sqe4hz8thcdagpleym0j"
)
"""The specification's example of an invoice with a route."""


def test_hints_are_told_from_the_payment_request() -> None:
    assert not has_hop_hints(WITHOUT)
    assert has_hop_hints(WITH)


def test_a_node_that_gave_none_is_asked_again_after_a_while() -> None:
    hints = HopHints()
    assert hints.wanted(0.0)
    hints.learn(WITHOUT, 0.0)
    assert not hints.wanted(ASK_AGAIN_SECONDS - 0.1)
    assert hints.wanted(ASK_AGAIN_SECONDS)


def test_a_node_that_ever_gave_hints_is_always_asked() -> None:
    hints = HopHints()
    hints.learn(WITH, 0.0)
    hints.learn(WITHOUT, 1.0)
    assert hints.wanted(1.1)


@pytest.mark.parametrize("unannounced", [False, True])
async def test_every_invoice_of_a_node_with_unannounced_channels_has_hints(tmp_path: Path, unannounced: bool) -> None:
    async with serve_simulator(tmp_path, clock=time.time) as simulated, client(simulated) as node:
        simulated.core.quirks.unannounced_channels = unannounced
        for number in range(3):
            await node.add_invoice(bytes([number]) * 32, amount_msat=1000, memo="", expiry_seconds=60)  # type: ignore[arg-type]
        rows = list(simulated.core.invoices)
    assert [has_hop_hints(row.payment_request) for row in rows] == [unannounced] * 3
    assert [row.private for row in rows] == [True, unannounced, unannounced]
