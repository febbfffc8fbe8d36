"""`tuppence payments`, `balances` and `audit`."""

import asyncio
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from gateway.cli import run
from gateway.cli.admin_client import Admin, admin_call, open_admin
from gateway.config import load_config
from gateway.money import to_sat

FOLLOW_EVERY_SECONDS = 1.0
PAGE = 500


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(payments)
    app.command()(balances)
    app.command()(audit)


def payments(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each new payment.")] = False,  # noqa: FBT002  # typer's form
) -> None:
    """Print payments and tips, oldest first: when, sat, what, where each part went, name and message."""
    run(_print_payments(follow=follow))


def balances() -> None:
    """Print what each creator is owed: claims on this node, until they are paid out."""
    table = Table("creator", "balance, sat")
    for balance in admin_call("GET", "/v1/admin/balances"):
        table.add_row(balance["creator"], to_sat(balance["balance_msat"]))
    Console().print(table)


def audit() -> None:
    """Check the books' invariants, read only; safe beside a running server. Exit status 1 if one is broken."""
    from gateway.store.audit import audit_database  # noqa: PLC0415  # --help need not load the world

    findings = run(audit_database(load_config().database_url))
    console = Console()
    for finding in findings:
        mark = "[green]✓[/]" if not finding.broken else "[bold red]✗[/]"
        count = "" if not finding.broken else f"  [bold red]{finding.broken}[/] e.g. {finding.example}"
        console.print(f"{mark} {finding.sentence}{count}", highlight=False)
    if any(finding.broken for finding in findings):
        raise typer.Exit(1)


async def _print_payments(*, follow: bool) -> None:
    async with open_admin(load_config()) as admin:
        after = await _print_after(admin, 0)
        while follow:
            await asyncio.sleep(FOLLOW_EVERY_SECONDS)
            after = await _print_after(admin, after)


async def _print_after(admin: Admin, after: int) -> int:
    while page := await admin.call("GET", f"/v1/admin/payments?after={after}&limit={PAGE}"):
        for payment in page:
            typer.echo(_line(payment))
        after = page[-1]["position"]
    return after


def _line(payment: dict[str, Any]) -> str:
    what = payment["item_id"] or f"tip to {payment['tip_to']}"
    parts = " ".join(f"{share['creator']}={to_sat(share['amount_msat'])}" for share in payment["shares"])
    words = " ".join(f"{part!r}" for part in (payment["name"], payment["message"]) if part)
    return f"{payment['settled_at']}  {to_sat(payment['paid_msat']):>9} sat  {what:24}  {parts}  {words}".rstrip()
