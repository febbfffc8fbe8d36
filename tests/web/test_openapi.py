"""The OpenAPI document: requests that it allows are accepted, others refused, and none causes a defect."""

import asyncio
import re
import secrets
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, missing_required_header, positive_data_acceptance

from gateway.config import load_config
from gateway.simulator.in_process_node import InProcessNode
from gateway.web.openapi import PATH_PARAMETERS, document
from gateway.web.routes import API
from tests.support.clock import FakeClock
from tests.support.databases import broken_invariants, put_database
from tests.support.nodes.roomy_simulator import RoomySimulator
from tests.support.properties.example_counts import example_count
from tests.support.rows import START, a_creator
from tests.support.site import open_site

TEXT = "# A text\n\nThe free part.\n\nThe paid part."
AMPLE = {f"invoices_{limit}": "1000000/second" for limit in ("per_client", "per_item", "overall")}


@dataclass(slots=True)
class Live:
    """A gateway in a thread of its own, for a client that knows nothing of asyncio."""

    url: str = ""
    operator_key: str = ""
    token: str = ""
    payment_hash: str = ""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A site that sells a text and a file, with one invoice that is paid."""
    folder = tmp_path_factory.mktemp("live")
    config = load_config(data_dir=folder, open_invoices_per_client=10**6, open_invoices=10**6, **AMPLE)
    put_database(folder / "tuppence.db")
    found, started, stop = Live(), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        clock = FakeClock(START)
        core, spare = (RoomySimulator(clock=clock, random_bytes=secrets.token_bytes) for _ in range(2))
        # One node for the fuzzer to drain, and one that goes on to sell.
        nodes = [InProcessNode(core), InProcessNode(spare, node_id="spare")]
        async with open_site(config, clock, core, nodes=nodes) as site:
            await site.gateway.nodes.drain("spare", now=START)
            for name in ("alice", "bob"):
                await site.gateway.catalog.add_creator(a_creator(name))
            await site.sell_text(TEXT)
            invoice, _ = await site.buy("welcome")
            await site.settle(invoice["payment_hash"])
            found.url, found.operator_key = site.url, site.gateway.operator_key
            found.token, found.payment_hash = invoice["access_token"], invoice["payment_hash"]
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(30)
    yield found
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
    assert broken_invariants(folder / "tuppence.db") == []


KNOWN = {"payout_id": "0" * 32, "item_id": "welcome", "name": "alice", "node_id": "spare", "payment_hash": ""}
CREDENTIALS = {"key": "", "token": ""}
UPLOAD = "/v1/admin/items/{item_id}/content"


def described(*, with_credentials: bool) -> Any:
    """The document as the fuzzer reads it."""
    schema = schemathesis.openapi.from_dict(document())
    schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    # Who holds nothing is asked to pay: that is no 401 here. What is too long may make the body too large.
    rejection = schema.config.checks.negative_data_rejection
    rejection.expected_statuses = [*rejection.expected_statuses, "402", "413"]
    schema.hook(map_path_parameters)
    if with_credentials:
        schema.auth()(Credentials)
    return schema


class Credentials:
    """The operator's key, or the token of a paid invoice, for the operations that need them."""

    def get(self, case: Any, _: Any) -> str:
        return CREDENTIALS["key" if case.operation.path.startswith("/v1/admin/") else "token"]

    def set(self, case: Any, data: str, _: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, Any] | None) -> Any:
    """Of well-formed names, every second is one that exists."""
    if path_parameters is None or context.operation is None or context.operation.path == UPLOAD:
        return path_parameters
    return {name: _known(name, value) for name, value in path_parameters.items()}


def _known(name: str, value: Any) -> Any:
    is_good = isinstance(value, str) and re.fullmatch(PATH_PARAMETERS[name], value) is not None
    return KNOWN[name] if is_good and zlib.crc32(value.encode()) % 2 else value


WITH, WITHOUT = described(with_credentials=True), described(with_credentials=False)


@WITH.parametrize()  # type: ignore[untyped-decorator]  # as the library has it
@settings(max_examples=example_count(8, nightly=300))
def test_every_operation_keeps_to_its_description(live: Live, case: Any) -> None:
    KNOWN["payment_hash"] = live.payment_hash
    CREDENTIALS.update(key=live.operator_key, token=live.token)
    case.call_and_validate(base_url=live.url, excluded_checks=_excluded(case))


@WITHOUT.parametrize()  # type: ignore[untyped-decorator]  # as the library has it
@settings(max_examples=example_count(3, nightly=100))
def test_every_operation_keeps_to_its_description_without_credentials(live: Live, case: Any) -> None:
    KNOWN["payment_hash"] = live.payment_hash
    response = case.call_and_validate(base_url=live.url, excluded_checks=_excluded(case))
    if case.operation.path.startswith("/v1/admin/"):
        routed = {route.method for route in API if route.path == case.operation.path}
        is_routed = case.method.upper() in routed | ({"HEAD"} if "GET" in routed else set())
        assert response.status_code == (401 if is_routed else 405)


def _excluded(case: Any) -> list[Any]:
    """The checks that do not fit: who holds nothing is asked to pay, and JSON Schema cannot say everything."""
    checks = [] if case.operation.path.startswith("/v1/admin/") else [ignored_auth, missing_required_header]
    return checks + ([positive_data_acceptance] if _says_what_schemas_cannot_forbid(case.body) else [])


def _says_what_schemas_cannot_forbid(body: Any) -> bool:
    """An address, too much, a refund without proof, two shares of one creator, a text without a title or a word."""
    if not isinstance(body, dict):
        return False
    given = body.get("shares")
    shares = [share for share in given if isinstance(share, dict)] if isinstance(given, list) else []
    names = [str(share.get("creator")) for share in shares]
    sealed = body.get("sealed")
    parts = [body, *shares, sealed if isinstance(sealed, dict) else {}]
    numbers = [value for part in parts for value in part.values()]
    text = body.get("markdown")
    return (
        bool({"address", "destination", "note", "amount_msat", "refund_of"} & body.keys())
        or any(isinstance(number, float) for number in numbers)
        or len({*names}) < len(names)
        or (isinstance(text, str) and (body.get("title") is None or re.search(r"\w", text) is None))
    )


def test_every_route_is_described_once() -> None:
    described = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in API}
    operations = [methods[method]["operationId"] for methods in document()["paths"].values() for method in methods]
    assert len(operations) == len(set(operations))


def test_every_reference_in_the_document_resolves() -> None:
    text = str(document())
    names = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert names == set(document()["components"]["schemas"])
