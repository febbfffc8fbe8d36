"""`tuppence demo`: the gateway, a demo site and a wallet on this machine, on a simulated LND or a real network."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from gateway.cli import run
from gateway.cli.arguments import invoice_of
from gateway.cli.command_group import CommandGroup
from gateway.cli.existing_gateway import may_create
from gateway.cli.serve import until_stopped
from gateway.errors import Invalid, Refused
from gateway.terminal import say, show_progress

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.demo.wallet import Wallet

Mode = Literal["demo", "regtest"]

DEMO_FOLDER = Path(".tuppence/demo")
REGTEST_FOLDER = Path(".tuppence/regtest")
PAY_SECONDS = 35.0
# The demo must never sell its samples for real, so it ignores what the environment or `.env` says of another gateway.
DEMO_SETTINGS: Mapping[str, object] = MappingProxyType(
    {"public_url": "", "lnd_nodes": None, "shared_dir": None, "database_url": "", "payout_macaroon": None}
)

demo = typer.Typer(cls=CommandGroup, invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(demo, name="demo")


@demo.callback()
@may_create
def start(
    context: typer.Context,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the data of earlier runs first.")] = False,
    regtest: Annotated[bool, typer.Option("--regtest", help="Use a real network: btcd and three LND nodes.")] = False,
    balance: Annotated[
        int, typer.Option("--balance", "--purse", min=1, metavar="SAT", help="The balance of a new simulated wallet.")
    ] = 10_000,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser, if there is a display.")] = True,
) -> None:
    """Run a gateway with a sample site and a wallet on this machine, until Ctrl-C.

    The node is simulated, or with --regtest a real one on a local network. Data is kept in .tuppence/demo/data, or
    .tuppence/regtest/data, and survives a kill; for other commands name that folder in TUPPENCE_DATA_DIR. Variables
    that name a node, a database, a folder or a public address are ignored.
    """
    if context.invoked_subcommand is not None:
        return
    mode: Mode = "regtest" if regtest else "demo"
    if fresh:
        shutil.rmtree(DEMO_FOLDER if mode == "demo" else REGTEST_FOLDER / "data", ignore_errors=True)
    run(_serve(mode, balance_sat=balance, browser=browser))


@demo.command()
def pay(payment_request: Annotated[str, typer.Argument(help="The invoice, lnbcrt…")]) -> None:
    """Pay an invoice with the wallet of the running demo, and print the preimage."""
    import urllib.error
    import urllib.request

    from gateway.config import load_config

    config = load_config()
    body = json.dumps({"invoice": invoice_of(payment_request)}).encode()
    request = urllib.request.Request(  # our own address
        f"http://{config.listen}/demo/pay", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PAY_SECONDS) as response:  # noqa: S310  # our own address
            say(json.load(response)["preimage"])
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise Refused(problem["code"], problem["detail"]) from error
    except urllib.error.URLError as error:
        detail = f"No demo answers at {config.listen}: start `tuppence demo` first, or set its TUPPENCE_LISTEN."
        raise Refused("demo_away", detail) from error


async def _serve(mode: Mode, *, balance_sat: int, browser: bool) -> None:
    import time
    import webbrowser

    from gateway.app.assemble import open_gateway
    from gateway.demo.content import seed
    from gateway.demo.sample_rates import SAMPLE_RATES
    from gateway.demo.settlement_times import SettlementTimes
    from gateway.demo.site import add_demo
    from gateway.log import configure_logging
    from gateway.rates.fixed import FixedRates
    from gateway.web.serve import build_app, serve

    async with AsyncExitStack() as stack:
        opened = _simulated(balance_sat) if mode == "demo" else _regtest()
        config, wallet, payee_host = await stack.enter_async_context(opened)
        configure_logging("warning" if config.log_level == "info" else config.log_level)
        times = SettlementTimes()
        rates = None if config.rates_url else FixedRates(SAMPLE_RATES, time.time)
        gateway = await stack.enter_async_context(open_gateway(config, announcers=[times], rates=rates))
        for serving in gateway.nodes:
            network = (await serving.node.status()).network
            if network and network not in {"regtest", "simnet"}:
                raise Invalid("demo_refused", f"This node is on {network}; the demo pays with play money only.")
        await seed(gateway, payee_host=payee_host)
        app = build_app(gateway)
        add_demo(app, wallet, gateway, times, mode)
        address = await stack.enter_async_context(serve(app, config))

        def announce() -> None:
            _welcome(address, mode)
            if browser and _has_display():
                webbrowser.open(address)

        await until_stopped(announce)
        say("stopping…")


@asynccontextmanager
async def _simulated(balance_sat: int) -> AsyncIterator["tuple[Config, Wallet, str]"]:
    """Configuration, wallet, and the host of the creators' addresses."""
    import time

    from gateway.config import load_config

    try:
        from gateway.demo.simulated_payee import serve_simulated_payee
        from gateway.demo.simulated_wallet import SimulatedWallet
        from gateway.simulator.server import serve_simulator
    except ImportError as error:
        detail = f"{error}. Install it with: pip install '.[demo]' in the checkout"
        raise Invalid("demo_extra_missing", detail) from error
    lnd = DEMO_FOLDER / "lnd"
    async with (
        serve_simulator(lnd, clock=time.time) as simulated,
        serve_simulated_payee(simulated.core, lnd, clock=time.time) as payee_host,
    ):
        settings: dict[str, object] = {
            **DEMO_SETTINGS,
            "lnd_target": simulated.target,
            "lnd_tls_cert": simulated.tls_cert_path,
            "lnd_macaroon": simulated.macaroon_path,
            "payout_macaroon": simulated.identity.payout_macaroon_path,
            "outgoing_allow": payee_host,
        }
        config = load_config(**settings, data_dir=DEMO_FOLDER / "data")
        wallet = SimulatedWallet(simulated.core, balance_msat=1000 * balance_sat)
        yield config, wallet, payee_host
        await wallet.close()


@asynccontextmanager
async def _regtest() -> AsyncIterator["tuple[Config, Wallet, str]"]:
    """As `_simulated`, on a real network."""
    from gateway.config import load_config, read_env_file
    from gateway.regtest.credentials import GATEWAY_ENV
    from gateway.regtest.lifetime import down, up
    from gateway.regtest.payee import serve_payee
    from gateway.regtest.wallet_process import open_wallet

    with show_progress("starting the network") as report:
        async with await up(REGTEST_FOLDER, report=report) as network:
            started = network.started
    try:
        async with open_wallet(REGTEST_FOLDER) as wallet, serve_payee(REGTEST_FOLDER) as payee_host:
            settings = {**DEMO_SETTINGS, **read_env_file(REGTEST_FOLDER / GATEWAY_ENV), "outgoing_allow": payee_host}
            yield load_config(**settings, data_dir=REGTEST_FOLDER / "data"), wallet, payee_host
    finally:
        # A network that was up before this command stays up.
        if started:
            with show_progress("stopping the network") as report:
                await down(REGTEST_FOLDER, report=report)


def _welcome(address: str, mode: Mode) -> None:
    from gateway.config import Config

    # Programs that start this command wait for this line.
    say(f"ready {address}")
    pay_command = f"{_typed()} {'demo' if mode == 'demo' else 'regtest'}"
    if mode == "demo" and (listen := urlsplit(address).netloc) != Config.model_fields["listen"].default:
        pay_command = f"TUPPENCE_LISTEN={listen} {pay_command}"
    say("  • there, press ", ("Pay 100 sat", "bold"), ", then ", ("Pay", "bold"), " in the demo wallet")
    asked = (f"curl -i {address}/v1/items/welcome/content", "bold")
    say("  • as a program: ", asked, "  answers 402 with an invoice;")
    pays = (f"{pay_command} pay <invoice>", "bold")
    say("  • ", pays, "  pays it and prints the preimage that opens it.")


def _typed() -> str:
    """The command as it can be typed here: `make demo` runs one that is not on the PATH."""
    called = Path(sys.argv[0])
    on_path = shutil.which("tuppence")
    if called.name != "tuppence" or (on_path and Path(on_path).resolve() == called.resolve()):
        return "tuppence"
    return shlex.quote(str(called))


def _has_display() -> bool:
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
