"""The configuration of LND nodes: one by variables, or several in a file; errors name the mistake."""

from pathlib import Path
from secrets import token_bytes
from time import time
from typing import Any

import pytest

from gateway.config import Config, load_config
from gateway.errors import Invalid
from gateway.lnd.configuration import configured_nodes, connect_nodes, connect_payers, payout_refusal
from gateway.simulator.identity import Identity

NORTH = """
[[node]]
id = "north"
target = "10.0.0.5:10009"
tls_cert = "north/tls.cert"
macaroon = "/abs/north.macaroon"
"""
SOUTH = NORTH.replace("north", "south").replace("10.0.0.5", "10.0.0.6")


def configured(tmp_path: Path, text: str, **others: Any) -> Config:
    path = tmp_path / "nodes.toml"
    path.write_text(text)
    return load_config(data_dir=tmp_path / "data", lnd_nodes=path, **others)


def test_one_node_is_named_by_three_variables() -> None:
    config = load_config(lnd_target="127.0.0.1:10009", lnd_tls_cert=Path("t"), lnd_macaroon=Path("m"))
    [node] = configured_nodes(config)
    assert (node.node_id, node.target, node.tls_cert, node.macaroon) == ("lnd", "127.0.0.1:10009", Path("t"), Path("m"))


def test_several_are_named_in_a_file_from_whose_folder_paths_begin(tmp_path: Path) -> None:
    north, south = configured_nodes(configured(tmp_path, NORTH + SOUTH))
    assert (north.node_id, south.node_id) == ("north", "south")
    assert north.tls_cert == tmp_path / "north" / "tls.cert"
    assert north.macaroon == Path("/abs/north.macaroon")


def test_each_node_has_a_payout_macaroon_of_its_own_or_none(tmp_path: Path) -> None:
    paying = NORTH + 'payout_macaroon = "north/payout.macaroon"\n'
    config = configured(tmp_path, paying + SOUTH)
    north, south = configured_nodes(config)
    assert (north.payout_macaroon, south.payout_macaroon) == (tmp_path / "north" / "payout.macaroon", None)
    assert [payer.node_id for payer in connect_payers(config)] == ["north"]
    with pytest.raises(Invalid, match="TUPPENCE_PAYOUT_MACAROON: name payout_macaroon of each node"):
        configured_nodes(configured(tmp_path, paying, payout_macaroon=Path("p")))


def test_the_payout_macaroon_of_one_node_is_a_variable(tmp_path: Path) -> None:
    one = {"lnd_target": "127.0.0.1:10009", "lnd_tls_cert": Path("t"), "lnd_macaroon": Path("m")}
    config = load_config(**one, payout_macaroon=tmp_path / "p")
    [address] = configured_nodes(config)
    assert [payer.node_id for payer in connect_payers(config)] == [address.node_id] == ["lnd"]
    assert connect_payers(load_config(**one)) == []
    with pytest.raises(Invalid, match="all three"):
        configured_nodes(load_config(payout_macaroon=Path("p")))


def test_a_payout_macaroon_is_refused_with_a_reason_and_sales_go_on(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "node", random_bytes=token_bytes, now=time())
    files = {"lnd_tls_cert": identity.tls_cert_path, "lnd_macaroon": identity.macaroon_path}

    def refusal(payout_macaroon: Path | None) -> str:
        config = load_config(lnd_target="127.0.0.1:10009", **files, payout_macaroon=payout_macaroon)
        assert len(connect_nodes(config, required=True)) == 1
        return payout_refusal(configured_nodes(config)[0])

    assert (refusal(None), refusal(identity.payout_macaroon_path)) == ("", "")
    for path, why in (
        (identity.admin_macaroon_path, "also allows onchain:read"),
        (identity.macaroon_path, "does not allow /routerrpc.Router/SendPaymentV2"),
        (tmp_path / "missing", "cannot be read"),
    ):
        assert refusal(path).startswith(f"{path} is not used: it {why}")
        assert "lncli bakemacaroon --save_to payout.macaroon" in refusal(path)


def test_nothing_set_is_no_node_unless_one_is_needed() -> None:
    config = load_config()
    assert connect_nodes(config, required=False) == []
    with pytest.raises(Invalid, match=r"TUPPENCE_LND_TARGET.*TUPPENCE_LND_NODES"):
        connect_nodes(config, required=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "missing required field `node`"),
        ("node = []", "length >= 1"),
        ("[[node]", "nodes.toml"),
        ("\xff", "nodes.toml"),
        (NORTH + NORTH, "two nodes have the id north"),
        (NORTH + SOUTH.replace("10.0.0.6", "10.0.0.5"), "two nodes have the target 10.0.0.5:10009"),
        (NORTH + "cert = 1", "unknown field `cert`"),
        (NORTH.replace('macaroon = "/abs/north.macaroon"', ""), "missing required field `macaroon`"),
        (NORTH.replace('"north"', '"North Pole"'), "$.node[0].id"),
        (NORTH.replace(":10009", ""), "$.node[0].target"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(Invalid, match="TUPPENCE_LND_NODES") as refusal:
        configured_nodes(configured(tmp_path, text))
    assert says in refusal.value.detail


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"TUPPENCE_LND_NODES: .*missing.toml"):
        configured_nodes(load_config(lnd_nodes=tmp_path / "missing.toml"))


def test_one_way_or_the_other(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="not both"):
        configured_nodes(configured(tmp_path, NORTH, lnd_target="127.0.0.1:10009"))


def test_half_of_three_variables_is_refused() -> None:
    with pytest.raises(Invalid, match="all three"):
        configured_nodes(load_config(lnd_target="127.0.0.1:10009"))


def test_a_macaroon_that_cannot_be_read_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"/abs/north.macaroon"):
        connect_nodes(configured(tmp_path, NORTH), required=True)
