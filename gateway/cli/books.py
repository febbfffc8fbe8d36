"""`tuppence payments`, `balances` and `audit`."""

import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli import run
from gateway.cli.admin_call import admin_call
from gateway.cli.arguments import payment_hash_of
from gateway.cli.existing_gateway import require_gateway
from gateway.errors import NotFound, TuppenceError, Unavailable
from gateway.money import to_sat
from gateway.terminal import BAD, GOOD, WARNING, say, say_fields, show_table

if TYPE_CHECKING:
    from gateway.cli.admin_client import Admin

FOLLOW_EVERY_SECONDS = 1.0
PAGE = 500
HASH_DIGITS = 64
# A mistyped command exits with 2.
NOT_COMPARED = 3


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(payments)
    app.command()(balances)
    app.command()(audit)


def payments(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new payments.")] = False,  # noqa: FBT002  # typer's form
    hashes: Annotated[bool, typer.Option("--hashes", help="Print the payment hashes, too.")] = False,  # noqa: FBT002  # typer's form
    number: Annotated[str, typer.Option(help="Print the payment of the receipt with this number, with its hash.")] = "",
) -> None:
    """Print payments and tips, oldest first: time, sat, item or tip, shares, name and message."""
    if number:
        found = admin_call("GET", f"/v1/admin/payments?number={quote(number, safe='')}")
        if not found:
            raise NotFound("payment_not_found", f"No payment here has a receipt with the number {number}.")
        _say_payments(found, hashes=True)
    else:
        run(_print_payments(follow=follow, hashes=hashes))


def balances() -> None:
    """Print what each creator is owed, what of it is being paid out, and where they are paid."""
    rows = [
        (
            balance["creator"],
            to_sat(balance["balance_msat"]),
            to_sat(balance["on_its_way_msat"]),
            _destination(balance),
        )
        for balance in admin_call("GET", "/v1/admin/balances")
    ]
    show_table(("creator", "balance, sat", "on its way, sat", "destination"), rows, prose=("destination",))


def audit(
    lacking: Annotated[bool, typer.Option("--lacking", help="List settlements that are not in the books.")] = False,  # noqa: FBT002  # typer's form
    suspense: Annotated[
        list[str] | None,
        typer.Option(help="Book this payment_hash: a settlement that is not credited."),
    ] = None,
) -> None:
    """Check the books' invariants, and payments and payouts against LND; safe beside a running server.

    Exit status 0: all agrees; 1: something is wrong, or settlements with this gateway's memo are not in the books;
    3: nothing is wrong, but a node, or a payment of the last minute, could not be compared with the books yet.

    After a restore, --lacking lists settlements that the backup does not have, among them those of other applications.
    Book yours with --suspense; their payers can then open what they paid for. An invoice that the books have as unpaid
    is credited to the creators of its sale.
    """
    from gateway.config import load_config
    from gateway.store.engines.invariants import audit_database

    run(require_gateway(load_config(), reads=True))
    for payment_hash in map(_completed, suspense or ()):
        booked = admin_call("POST", "/v1/admin/suspense", json={"payment_hash": payment_hash})
        sold = booked["item_id"] or (f"a tip to {booked['tip_to']}" if booked["tip_to"] else None)
        where = f"credited to the creators of {sold}" if sold else "booked to suspense"
        say(f"{booked['payment_hash']}  {to_sat(booked['paid_msat'])} sat {where}")

    invariants = run(audit_database(load_config().database_url, now=int(time.time())))
    for invariant in invariants:
        count = f"  {invariant.broken} e.g. {invariant.example}" if invariant.broken else ""
        say(BAD if invariant.broken else GOOD, f" {invariant.sentence}", (count, "bold red"))
    agree = _audit_nodes(lacking=lacking)
    agree += _audit_payouts()
    if False in agree or any(invariant.broken for invariant in invariants):
        raise typer.Exit(1)
    if None in agree:
        raise typer.Exit(NOT_COMPARED)


def _completed(text: str) -> str:
    """Complete the first digits of a payment_hash that an audit lists. Raises `NotFound` (`settlement_not_found`)."""
    digits = payment_hash_of(text)
    if len(digits) == HASH_DIGITS:
        return digits
    from gateway.config import load_config
    from gateway.lnd.configuration import configured_nodes

    listed: set[str] = set()
    for node in configured_nodes(load_config()):
        found = admin_call("GET", f"/v1/admin/nodes/{node.node_id}/audit")
        listed |= {payment["payment_hash"] for payment in found["findings"] + found["lacking"]}
    fitting = [payment_hash for payment_hash in sorted(listed) if payment_hash.startswith(digits)]
    if len(fitting) != 1:
        detail = f"{len(fitting)} settlements of the audit begin with {digits}: give one payment_hash whole."
        raise NotFound("settlement_not_found", detail)
    return fitting[0]


def _audit_nodes(*, lacking: bool) -> list[bool | None]:
    """Whether the books agree with each node; None for a node that could not be compared."""
    from gateway.config import load_config
    from gateway.lnd.configuration import configured_nodes

    node_ids = [node.node_id for node in configured_nodes(load_config())]
    if not node_ids:
        say(WARNING, " No node is configured: the books were not compared with one.")
        return [None]
    return [_audit_node(node_id, lacking=lacking) for node_id in node_ids]


def _audit_payouts() -> list[bool | None]:
    """Whether every payout is what its node says; None for a node that could not be asked."""
    from gateway.config import load_config
    from gateway.lnd.configuration import configured_nodes
    from gateway.store.engines.database import read_database
    from gateway.store.tables.payouts.tries import TryRows

    config = load_config()
    paid = run(read_database(config.database_url, lambda connection: TryRows(connection).node_ids()))
    paying = [node.node_id for node in configured_nodes(config) if node.payout_macaroon]
    return [_audit_payouts_of(node_id) for node_id in sorted({*paid, *paying})]


def _audit_payouts_of(node_id: str) -> bool | None:
    try:
        found = admin_call("GET", f"/v1/admin/nodes/{node_id}/payouts")
    except TuppenceError as refusal:
        say(WARNING, f" The payouts were not compared with {node_id}: {refusal.detail}")
        return None
    wrong = [each for each in found if each["difference"] in {"unpaid", "paid", "amount", "pending"}]
    unknown = [each for each in found if each["difference"] == "unknown"]
    mark = BAD if wrong else WARNING if unknown else GOOD
    say(mark, f" Every payout that {node_id} was asked for is booked as it says.")
    for each in found:
        what = f"{each['difference']:10} {to_sat(each['amount_msat']):>9} sat  {each['created_at']}"
        say(f"  {what}  {each['payment_hash']}  payout {each['payout_id']}")
    if unknown:
        say(f"  {node_id} did not say how {len(unknown)} payments ended: run again when it answers.")
    return None if unknown and not wrong else not wrong


def _audit_node(node_id: str, *, lacking: bool) -> bool | None:
    try:
        found = admin_call("GET", f"/v1/admin/nodes/{node_id}/audit")
    except TuppenceError as refusal:
        say(WARNING, f" The books were not compared with {node_id}: {refusal.detail}")
        return None
    agrees = not found["findings"] and found["credited_msat"] == found["received_msat"] and not found["lost"]
    mark = BAD if not agrees else WARNING if found["lacking"] or found["pending"] else GOOD
    sums = f"{to_sat(found['credited_msat'])} sat credited, {to_sat(found['received_msat'])} received"
    say(mark, f" What the node {node_id} has settled is credited, and nothing else is: {sums}.")
    for payment in found["findings"] + (found["lacking"] if lacking else []):
        what = f"{payment['difference']:10} {to_sat(payment['amount_msat']):>9} sat  {payment['settled_at']}"
        say(f"  {what}  {payment['payment_hash']}  {payment['memo']}")
    if any(payment["difference"] == "uncredited" for payment in found["findings"]):
        hint = "Credit uncredited payments to the creators of their sale: tuppence audit --suspense PAYMENT_HASH"
        say((f"  {hint}", "dim"))
    if found["lost"]:
        hint = (
            f"{found['lost']} of the settlements that are not in the books bear this gateway's memo: lost in a restore."
        )
        say(f"  {hint}")
    if found["pending"]:
        count = len(found["pending"])
        what = "1 payment of the last minute is" if count == 1 else f"{count} payments of the last minute are"
        hint = f"{what} not in the books yet, and not compared: run again after {found['compare_again_at']}."
        say(f"  {hint}")
    if found["lacking"] and not lacking:
        hint = f"settlements at {node_id} are not in the books: another application's, or lost in a restore (--lacking)"
        say((f"  {len(found['lacking'])} {hint}", "dim"))
    return None if agrees and found["pending"] else agrees


async def _print_payments(*, follow: bool, hashes: bool) -> None:
    import asyncio

    from gateway.cli.admin_client import open_admin
    from gateway.config import load_config

    async with open_admin(load_config(), reads=True) as admin:
        after = await _print_after(admin, 0, hashes=hashes)
        if follow and admin.alone:
            raise Unavailable(
                "server_absent",
                "No server runs on this data, so there will be no new payments. Start it with `tuppence serve`.",
            )
        while follow:
            await asyncio.sleep(FOLLOW_EVERY_SECONDS)
            after = await _print_after(admin, after, hashes=hashes)


async def _print_after(admin: "Admin", after: int, *, hashes: bool) -> int:
    while page := await admin.call("GET", f"/v1/admin/payments?after={after}&limit={PAGE}"):
        _say_payments(page, hashes=hashes)
        after = page[-1]["position"]
    return after


def _say_payments(page: list[dict[str, Any]], *, hashes: bool) -> None:
    for payment in page:
        say_fields(*_fields(payment), *([payment["payment_hash"]] if hashes else []))


def _fields(payment: dict[str, Any]) -> tuple[str, ...]:
    tip = f"tip to {payment['tip_to']}" if payment["tip_to"] else "in suspense"
    what = payment["item_id"] or tip
    parts = " ".join(f"{share['creator']}={to_sat(share['amount_msat'])}" for share in payment["shares"])
    words = " ".join(f"{part!r}" for part in (payment["name"], payment["message"]) if part)
    return payment["settled_at"], f"{to_sat(payment['paid_msat']):>9} sat", f"{what:24}", parts, words


def _destination(balance: dict[str, Any]) -> str:
    pending = balance["next_destination"]
    change = f" (from {balance['next_destination_at']} on {pending})" if pending else ""
    return f"{balance['destination'] or 'none'}{change}"
