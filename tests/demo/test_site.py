"""The demo: its items, and its wallet, which pays for its own pages on this machine only."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.app.assemble import open_gateway
from gateway.catalog.items import EMPTY_DIGEST
from gateway.config import Config
from gateway.demo.content import FILE_ID, seed
from gateway.rows import Item
from gateway.simulator.core import Simulator
from gateway.simulator.in_process_node import InProcessNode
from tests.support.clock import until
from tests.support.processes.demo_process import READY_SECONDS, free_port, ready, run_demo, stop
from tests.support.site import Site


async def pay(demo: Site, invoice: str, **headers: str) -> tuple[int, Any]:
    return await demo.call("POST", "/demo/pay", json={"invoice": invoice}, headers=headers)


async def test_the_demo_takes_nothing_that_is_set_for_another_gateway(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TUPPENCE_DATABASE_URL=sqlite:///earnest.db\nTUPPENCE_SHARED_DIR=earnest\n")
    variables = {"TUPPENCE_LND_NODES": "missing.toml", "TUPPENCE_PUBLIC_URL": "https://pay.example"}
    async with run_demo(tmp_path, variables=variables) as address, aiohttp.ClientSession() as session:
        async with session.get(f"{address}/readyz") as response:
            assert response.status == 200
        async with session.get(f"{address}/v1/items/welcome") as response:
            assert "pay.example" not in await response.text()
    assert {path.name for path in tmp_path.iterdir()} == {".env", ".tuppence"}


async def test_the_pay_command_that_is_shown_pays_as_it_is_typed(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("tuppence"),
        "demo",
        "--no-browser",
        cwd=tmp_path,
        env={"PATH": os.defpath, "TUPPENCE_LISTEN": listen},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        address = await ready(process, READY_SECONDS)
        assert process.stdout is not None, "the output is a pipe"
        while "pay <invoice>" not in (line := (await process.stdout.readline()).decode()):
            assert line, "ended before it said how to pay"
        async with aiohttp.ClientSession() as session, session.get(f"{address}/v1/items/welcome/content") as response:
            invoice = (await response.json(content_type=None))["invoice"]
        typed = line.replace("•", "").partition("  pays")[0].replace("<invoice>", invoice)
        paying = await asyncio.create_subprocess_shell(
            typed, cwd=tmp_path, env={"PATH": os.defpath}, stdout=asyncio.subprocess.PIPE
        )
        preimage, _ = await paying.communicate()
        assert (paying.returncode, len(bytes.fromhex(preimage.decode()))) == (0, 32)
    finally:
        await stop(process)


async def test_one_press_pays_the_essay_and_shows_where_each_sat_went(demo: Site) -> None:
    invoice, token = await demo.buy("welcome")
    status, asked = await demo.call("POST", "/demo/decode", json={"invoice": invoice["payment_request"]})
    assert (status, asked["amount_msat"], asked["payment_hash"]) == (200, 100_000, invoice["payment_hash"])
    assert asked["description"].startswith("Nora Lindqvist · ")

    status, paid = await pay(demo, invoice["payment_request"])
    assert status == 200
    assert len(bytes.fromhex(paid["preimage"])) == 32
    path = f"/demo/payments/{invoice['payment_hash']}"
    await until(lambda: is_booked(demo, path))
    _, payment = await demo.call("GET", path)
    assert [(s["title"], s["amount_msat"]) for s in payment["shares"]] == [
        ("Nora Lindqvist", 70_000),
        ("Tomas Reyes", 30_000),
    ]
    assert payment["seen_at"] == pytest.approx(demo.clock())
    _, essay = await demo.call("GET", "/v1/items/welcome/content", headers=token)
    assert "On Sunday I hemmed the kitchen curtains." in essay
    assert await demo.call("GET", "/demo/balance") == (200, {"balance_msat": 9_900_000})


async def test_a_calendar_is_for_sale_that_is_a_real_pdf(demo: Site) -> None:
    invoice, token = await demo.buy("calendar")
    await pay(demo, invoice["payment_request"])
    await until(lambda: is_booked(demo, f"/demo/payments/{invoice['payment_hash']}"))
    async with demo.session.get(f"{demo.url}/v1/items/calendar/content", headers=token) as response:
        assert response.content_type == "application/pdf"
        assert (await response.read()).startswith(b"%PDF-")


async def test_a_second_start_sells_the_same_things(demo: Site, payee_host: str) -> None:
    before = demo.gateway.catalog.items()
    await seed(demo.gateway, payee_host=payee_host)
    assert demo.gateway.catalog.items() == before


async def test_a_start_that_was_interrupted_is_completed_by_the_next(
    config: Config, core: Simulator, payee_host: str
) -> None:
    async with open_gateway(config, nodes=[InProcessNode(core)], background=False) as gateway:
        await seed(gateway, payee_host=payee_host)
        whole = gateway.catalog.item(FILE_ID)

        def without_content(item: Item) -> Item:
            return replace(item, byte_size=0, digest=EMPTY_DIGEST)

        await gateway.catalog.change_item(FILE_ID, without_content, now=gateway.now())
        await seed(gateway, payee_host=payee_host)
        assert replace(gateway.catalog.item(FILE_ID), updated_at=whole.updated_at) == whole


async def test_what_cannot_be_paid_says_why(demo: Site) -> None:
    paid, _ = await demo.buy("welcome")
    await pay(demo, paid["payment_request"])
    late, _ = await demo.buy("welcome")
    dear, _ = await demo.buy("welcome")
    demo.core.pay(bytes.fromhex(dear["payment_hash"]), amount_msat=None)
    assert await code_of(demo, paid["payment_request"]) == (409, "already_paid")
    assert await code_of(demo, "lnbcrt1nothing") == (422, "invoice_invalid")
    demo.clock.advance(3600)
    assert await code_of(demo, late["payment_request"]) == (410, "invoice_expired")
    tip = {"amount_msat": 20_000_000}
    _, too_dear = await demo.call("POST", "/v1/creators/nora/tips", json=tip)
    assert await code_of(demo, too_dear["payment_request"]) == (402, "no_route")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Host": "localhost:1"},
    ],
)
async def test_the_wallet_pays_for_no_other_site(demo: Site, headers: dict[str, str]) -> None:
    invoice, _ = await demo.buy("welcome")
    status, problem = await pay(demo, invoice["payment_request"], **headers)
    assert (status, problem["code"]) == (403, "demo_closed")
    assert (await demo.call("GET", "/demo/balance"))[1] == {"balance_msat": 10_000_000}


async def test_our_own_origin_and_this_machines_names_are_taken(demo: Site) -> None:
    invoice, _ = await demo.buy("welcome")
    local = demo.url.replace("127.0.0.1", "localhost")
    status, _ = await pay(demo, invoice["payment_request"], Origin=local, Host=local.removeprefix("http://"))
    assert status == 200


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": {"invoice": "lnbcrt1"}}, 415),
        ({"data": "{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": {"invoice": 1}}, 422),
        ({"json": {}}, 422),
    ],
)
async def test_only_json_of_the_right_form_is_read(demo: Site, options: dict[str, Any], status: int) -> None:
    for path in ("/demo/pay", "/demo/decode"):
        assert (await demo.call("POST", path, **options))[0] == status


async def test_the_first_page_leads_to_the_essay_with_the_wallet_beside_it(demo: Site) -> None:
    status, page = await demo.call("GET", "/")
    assert status == 200
    assert "A little goes a long way" in page
    assert 'aria-label="Demo wallet"' in page
    assert "tensioner" in page
    assert "hemmed the kitchen curtains" not in page


async def code_of(demo: Site, invoice: str) -> tuple[int, str]:
    """Status and code of a payment that fails."""
    status, problem = await pay(demo, invoice)
    assert problem["detail"].endswith(".")
    return status, str(problem["code"])


async def is_booked(demo: Site, path: str) -> bool:
    """Whether a payment's shares are in the books."""
    return bool((await demo.call("GET", path))[1]["shares"])
