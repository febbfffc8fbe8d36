"""The macaroon codec against other implementations: it reads theirs, and they have verified ours.

Made by gopkg.in/macaroon.v2 2.1.0 and pymacaroons 0.13.0. Those of this gateway were verified by both.
"""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.macaroon import Macaroon, MalformedMacaroon, attenuate, mint, parse

LONG = b"x" * 200


@dataclass(frozen=True, slots=True)
class Vector:
    """A macaroon made by another implementation."""

    root_key: str
    identifier: bytes
    caveats: tuple[bytes, ...]
    hex: str


GO = {
    "simple": Vector(
        "0001020304050607",
        b"simple",
        (),
        "02020673696d706c6500000620a184f2c30a89dc634d11d309202e90cd79b89e8a125bb7f3c78dc4aa476bdc59",
    ),
    "caveats": Vector(
        "00" * 31 + "ff",
        b"with caveats",
        (b"item=welcome", b"valid_until=1800000000", b"proof=settled"),
        "02020c77697468206361766561747300020c6974656d3d77656c636f6d6500021676616c69645f756e74696c3d3138303030303030303000"
        "020d70726f6f663d736574746c656400000620b14b9608a70a7ad486f65e61d0c343e6b61cc31b294dd17bd47712089c1c70ba",
    ),
    "location": Vector(
        "aabbccdd",
        b"with a location",
        (b"a=1",),
        "02011368747470733a2f2f7061792e6578616d706c65020f776974682061206c6f636174696f6e000203613d3100000620e47906f968303d"
        "b6e0d4ab0e94c07a304a999af0ef0198f9200307e33d5c7e9c",
    ),
    "long": Vector(
        "6b6579",
        LONG,
        (LONG + b"=" + LONG, b""),
        f"0201046c73617402c801{LONG.hex()}00029103{LONG.hex()}3d{LONG.hex()}000200000006200ef874a5165980cd6aaa2d2026d4be"
        "bc6c91d43a92047250884655617f418715",
    ),
    "binary": Vector(
        "",
        b"an empty root key",
        (b"\0\xff binary",),
        "020211616e20656d70747920726f6f74206b657900020900ff2062696e6172790000062032ac06954321f92dd14f53c57bbe7f531ac10279"
        "29b54e148360da7a89650ef4",
    ),
}
PYTHON = {
    "location": Vector(
        b"a key of some length".hex(),
        b"by pymacaroons",
        (b"item=welcome", b"valid_until=1"),
        "02011368747470733a2f2f7061792e6578616d706c65020e62792070796d616361726f6f6e7300020c6974656d3d77656c636f6d6500020d"
        "76616c69645f756e74696c3d3100000620c1fd20c349372bef827c070dc1dd9142c2a2067274aea1580e4f7ab1fddf6c2b",
    ),
    "empty location": Vector(
        b"k".hex(),
        b"no location",
        (b"proof=preimage",),
        "020100020b6e6f206c6f636174696f6e00020e70726f6f663d707265696d61676500000620a430f599a92cc3a6f9031d2249649a3ff2ce07"
        "656e9b1d27f839eb65ca6ac499",
    ),
}
IDENTIFIER = b"\0\0" + bytes(range(32)) + b"\7" * 32
OURS = (
    "020242"
    + IDENTIFIER.hex()
    + "00020c6974656d3d77656c636f6d6500021676616c69645f756e74696c3d3138303030393030303000020d"
    "70726f6f663d736574746c6564000006204e0e345c80ac8f37295b54ab656fac987dd6e3c30229a127eb22caff6a74187b"
)
NARROWED = (
    "020242"
    + IDENTIFIER.hex()
    + "00020c6974656d3d77656c636f6d6500021676616c69645f756e74696c3d3138303030393030303000020d"
    "70726f6f663d736574746c656400021676616c69645f756e74696c3d313830303030303030300002ac02"
    + "78"
    * 300
    + "0000062017ff3e3b"
    "fdf6017e94b4d8c22b2cec1cf4786ab2ffd22114c828107d6b6850aa"
)
THIRD_PARTY = (
    "020205746869726400010c687474703a2f2f6f74686572020377686f0448ea0a88b04c68d8691ee20ad3cf0dfb1ddac1c4e08f53b64cab45c3b9"
    "9a71c3dbe0a4374bcff31acf3720d02981ffcf4babfb0c1f7444be1d88fbfdbf50734d4fc3ebfb3f0906d112000006208c0fdce479e8f2fb7d8e"
    "1cc15258c3a6bacb5836b8c9d697fda4b0967229748a"
)
SIGNATURE = "0620" + "00" * 32


@pytest.mark.parametrize(
    "vector",
    [pytest.param(v, id=f"{by}: {name}") for by, some in (("go", GO), ("python", PYTHON)) for name, v in some.items()],
)
def test_macaroons_of_other_implementations_are_read_and_verified(vector: Vector) -> None:
    macaroon = parse(bytes.fromhex(vector.hex))
    assert (macaroon.identifier, macaroon.caveats) == (vector.identifier, vector.caveats)
    assert macaroon.verify(bytes.fromhex(vector.root_key))
    assert not macaroon.verify(b"another key")
    assert mint(bytes.fromhex(vector.root_key), vector.identifier, vector.caveats) == macaroon


@pytest.mark.parametrize("name", ["simple", "caveats", "binary"])
def test_a_macaroon_without_location_is_written_as_go_writes_it(name: str) -> None:
    vector = GO[name]
    assert mint(bytes.fromhex(vector.root_key), vector.identifier, vector.caveats).to_bytes().hex() == vector.hex


def test_our_macaroons_are_those_that_the_others_verified() -> None:
    root_key = bytes.fromhex("00" * 31 + "ff")
    macaroon = mint(root_key, IDENTIFIER, (b"item=welcome", b"valid_until=1800090000", b"proof=settled"))
    assert macaroon.to_bytes().hex() == OURS
    narrowed = attenuate(attenuate(macaroon, b"valid_until=1800000000"), b"x" * 300)
    assert narrowed.to_bytes().hex() == NARROWED
    assert narrowed.verify(root_key)


@given(root_key=st.binary(max_size=64), identifier=st.binary(max_size=300), caveats=st.lists(st.binary(max_size=300)))
def test_a_written_macaroon_is_read_back_and_verifies(root_key: bytes, identifier: bytes, caveats: list[bytes]) -> None:
    macaroon = mint(root_key, identifier, tuple(caveats))
    again = parse(macaroon.to_bytes())
    assert again == macaroon
    assert again.verify(root_key)


@given(caveats=st.lists(st.binary(max_size=20), min_size=1, max_size=5), data=st.data())
def test_no_caveat_can_be_left_out_changed_or_moved(caveats: list[bytes], data: st.DataObject) -> None:
    macaroon = mint(b"key", b"id", tuple(caveats))
    others = data.draw(st.one_of(st.permutations(caveats), st.lists(st.sampled_from(caveats), max_size=5)))
    if others != caveats:
        assert not Macaroon(b"id", tuple(others), macaroon.signature).verify(b"key")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01" + GO["simple"].hex[2:],
        "03" + GO["simple"].hex[2:],
        GO["simple"].hex[:-2],
        GO["simple"].hex + "00",
        "02",
        "0202",
        "02020161",
        "0202016100",
        "020201610000",
        "0202016100000620",
        "02020161000006" + "1f" + "00" * 31,
        "02020161000006" + "21" + "00" * 33,
        "0202016100000720" + "00" * 32,
        "0206016100" + "00" + SIGNATURE,
        "0201016101016100" + "00" + SIGNATURE,
        "020101610006016100" + SIGNATURE,
        "02020161" + "00" + SIGNATURE,
        "0202016100" + "0401620000" + SIGNATURE,
        "0202016100" + "0101620401620000" + SIGNATURE,
        "0202016100" + "0201620401" + "6200" + "00" + SIGNATURE,
        "0202ff",
        "0202" + "ff" * 40,
        "0202" + "80" * 40 + "01" + "61",
        "0202ffffffffffffffff7f61",
        "00" * 50,
        THIRD_PARTY,
    ],
)
def test_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(MalformedMacaroon):
        parse(bytes.fromhex(text))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_malformed_or_a_macaroon(data: bytes) -> None:
    for attempt in (data, b"\2" + data, b"\2\2" + data):
        try:
            assert parse(attempt).signature in attempt
        except MalformedMacaroon:
            continue


@given(cut=st.integers(0, 150), at=st.integers(0, 150), byte=st.integers(0, 255))
def test_damage_anywhere_is_malformed_or_does_not_verify(cut: int, at: int, byte: int) -> None:
    good = bytes.fromhex(GO["caveats"].hex)
    damaged = bytearray(good)
    damaged[at % len(good)] = byte
    for attempt in (bytes(damaged), good[:cut], good[cut:] + good[:cut]):
        try:
            macaroon = parse(attempt)
        except MalformedMacaroon:
            continue
        assert macaroon.verify(bytes.fromhex(GO["caveats"].root_key)) == (attempt == good)
