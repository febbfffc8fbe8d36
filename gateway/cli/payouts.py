"""`tuppence payout …` and `refund`: money that leaves."""

import secrets
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.admin_call import admin_call
from gateway.cli.arguments import creator_of, invoice_of, payment_hash_of
from gateway.cli.command_group import CommandGroup
from gateway.errors import Invalid, OutcomeUnknown, TuppenceError
from gateway.money import parse_fee, parse_price, to_sat
from gateway.rows.payouts import RESTORED
from gateway.terminal import say, show_table

payouts = typer.Typer(
    cls=CommandGroup, no_args_is_help=True, help="Pay creators out, and decide about payouts that need it."
)

PayoutId = Annotated[str, typer.Argument(help="The payout's id, as in `tuppence payout list`.")]
Creator = Annotated[str, typer.Argument(help="The creator's name.")]
Amount = Annotated[str, typer.Argument(help="Whole sat, like 500sat; or all that is available.")]
Acknowledged = Annotated[bool, typer.Option("--acknowledged", help="You have looked at the payments that were listed.")]
Restored = Annotated[
    bool,
    typer.Option("--restored", help="These books may lack what the nodes have paid: compare at the resume."),
]
OperatorPays = Annotated[bool, typer.Option("--operator-pays", help="Pay it yourself, instead of its creators.")]
ALL = "all"
HASH_DIGITS = 64
MOST_LISTED = 500
UNANSWERED = frozenset({"answer_lost", "commit_unanswered"})
"""Codes that leave open whether a payout was asked for."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(payouts, name="payout")
    app.command()(refund)


@payouts.command()
def send(
    creator: Creator,
    amount: Amount = ALL,
    to: Annotated[
        str | None,
        typer.Option(help="A Lightning Address, an LNURL or an invoice. Default: the creator's destination."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Any text: a command with the same key never pays twice. Default: a new one."),
    ] = None,
) -> None:
    """Pay a creator from their balance.

    Amount and fee limit are set aside at once, and printed. The payment is made in the background:
    `tuppence payout show` tells how it ends. The creator pays the fee, and what is left of its limit returns.
    """
    wanted: dict[str, Any] = {"creator": creator_of(creator)}
    if amount.strip().lower() != ALL:
        wanted["amount_msat"] = _amount_of(amount)
    if to is not None:
        wanted["destination"] = invoice_of(to) if to.lower().startswith("lightning:") else to.strip()
    key = key or secrets.token_hex(8)
    headers = {"Idempotency-Key": sha256(key.encode()).hexdigest()}
    try:
        asked = admin_call("POST", "/v1/admin/payouts", json=wanted, headers=headers)
    except TuppenceError as error:
        if error.code not in UNANSWERED:
            raise
        again = f"The same command with --key {key} asks for this payout, and for no second one."
        raise OutcomeUnknown(error.code, f"{error.detail} {again}") from error
    _show(asked)


@payouts.command("list")
def list_payouts(
    limit: Annotated[int, typer.Option(min=1, max=MOST_LISTED, help="How many, the newest first.")] = 100,
) -> None:
    """List payouts, the newest first."""
    rows = [
        (
            found["payout_id"],
            found["creator"] or f"refund {found['refund_of'][:8]}",
            to_sat(found["amount_msat"]),
            found["state"],
            _reason(found),
            found["destination"],
            found["created_at"],
        )
        for found in admin_call("GET", f"/v1/admin/payouts?limit={limit}")
    ]
    show_table(("id", "to", "sat", "state", "why", "destination", "asked"), rows, prose=("destination",))


@payouts.command()
def show(payout_id: PayoutId) -> None:
    """Show a payout and its tries: how each ended, and why."""
    _show(admin_call("GET", f"/v1/admin/payouts/{quote(payout_id, safe='')}"))


@payouts.command()
def cancel(payout_id: PayoutId) -> None:
    """Cancel a payout while nothing of it is sent. Its money goes back to the balance."""
    _show(admin_call("POST", f"/v1/admin/payouts/{quote(payout_id, safe='')}/cancel"))


@payouts.command()
def retry(payout_id: PayoutId) -> None:
    """Try a payout again now that waits for its next try, or that needs a decision."""
    _show(admin_call("POST", f"/v1/admin/payouts/{quote(payout_id, safe='')}/retry"))


@payouts.command()
def resolve(
    payout_id: PayoutId,
    note: Annotated[str, typer.Option(help="How you know. It is kept with the payout for ever.")],
    paid: Annotated[bool, typer.Option("--paid/--unpaid", help="Whether the payee was paid.")],
    fee: Annotated[str | None, typer.Option(help="With --paid: the fee, like 1500msat. Default: its limit.")] = None,
) -> None:
    """Say how a payout ended that its node does not know (payout_missing_at_node in the log).

    Look in the node's own records first, and ask the payee. It is refused until the invoice has expired, and while the
    node knows the payment. With --unpaid the money returns, and the payout is tried again with a new invoice.
    """
    wanted = {"paid": paid, "note": note} | ({} if fee is None else {"fee_msat": _fee_of(fee)})
    _show(admin_call("POST", f"/v1/admin/payouts/{quote(payout_id, safe='')}/resolve", json=wanted))


@payouts.command()
def record(
    creator: Annotated[str | None, typer.Argument(help="The creator's name.")] = None,
    amount: Annotated[str | None, typer.Argument(help="Whole sat, like 500sat.")] = None,
    refund_of: Annotated[
        str | None, typer.Option("--refund", help="Instead of a creator: the hash of the payment that was refunded.")
    ] = None,
    payment_hash: Annotated[str | None, typer.Option("--hash", help="The payment hash, if over Lightning.")] = None,
    node: Annotated[str | None, typer.Option(help="The node that paid it, if it is one of the gateway's.")] = None,
    fee: Annotated[str | None, typer.Option(help="The fee, like 1500msat. Default: the node's word, else 0.")] = None,
    note: Annotated[str, typer.Option(help="How it was paid, if not over Lightning.")] = "",
) -> None:
    """Book a payment to a creator, or a refund, that you made by hand, once: with its payment hash, or else a note.

    Amount and fee are taken from the balance. Nothing is sent. A node of the gateway's is asked whether it paid so.
    """
    wanted: dict[str, Any] = {"note": note}
    if refund_of is not None and creator is None:
        path, wanted["refund_of"] = "/v1/admin/refund-records", _whole_hash(refund_of)
    elif refund_of is None and creator is not None and amount is not None:
        path = "/v1/admin/payout-records"
        wanted |= {"creator": creator_of(creator), "amount_msat": _amount_of(amount)}
    else:
        raise Invalid("record_unclear", "Name a creator and an amount, or else --refund and the payment's hash.")
    if payment_hash is not None:
        wanted["payment_hash"] = payment_hash_of(payment_hash)
    if node is not None:
        wanted["node_id"] = node
    if fee is not None:
        wanted["fee_msat"] = _fee_of(fee)
    _show(admin_call("POST", path, json=wanted))


@payouts.command()
def pause(
    restored: Restored = False,  # noqa: FBT002  # typer's form
) -> None:
    """Stop payouts and claims of refunds on every replica. What a node is already paying ends as it ends."""
    admin_call("PUT", "/v1/admin/payout-pause", json={"reason": RESTORED} if restored else {})
    say("payouts are paused; `tuppence payout resume` resumes them")


@payouts.command()
def resume(
    acknowledged: Acknowledged = False,  # noqa: FBT002  # typer's form
) -> None:
    """End a pause. After a restore, this first lists the nodes' payments that the books lack.

    Record those that were payouts with `tuppence payout record`, and refunds with `tuppence payout record --refund`;
    then resume with --acknowledged. What the backup knew as under way or waiting then needs a decision.
    """
    if not acknowledged:
        _list_lacking()
    admin_call("POST", "/v1/admin/payout-pause/end", json={"acknowledged": acknowledged})
    say("payouts are sent again")


def refund(
    payment_hash: Annotated[str, typer.Argument(help="The payment's hash, as in `tuppence payments --hashes`.")],
    operator_pays: OperatorPays = False,  # noqa: FBT002  # typer's form
) -> None:
    """Offer a payment back to its payer, who claims it on the receipt within a year.

    Its creators pay it, fee limit included, from their balances. What was bought closes. The key of a text that is
    sealed in a page cannot be taken back: who has it keeps it.
    """
    path = f"/v1/admin/payments/{_whole_hash(payment_hash)}/refund"
    offered = admin_call("PUT", path, json={"operator_pays": operator_pays})
    say(f"{to_sat(offered['amount_msat'])} sat are {offered['state']}; the payer's receipt shows how to claim them")


def _amount_of(text: str) -> int:
    """An amount in msat. Raises `Invalid` (`amount_invalid`)."""
    try:
        return parse_price(text)
    except ValueError as error:
        raise Invalid("amount_invalid", f"{error}.") from error


def _fee_of(text: str) -> int:
    """A fee in msat. Raises `Invalid` (`fee_invalid`)."""
    try:
        return parse_fee(text)
    except ValueError as error:
        raise Invalid("fee_invalid", f"{error}.") from error


def _whole_hash(text: str) -> str:
    found = payment_hash_of(text)
    if len(found) != HASH_DIGITS:
        raise Invalid("hash_invalid", "Give the payment_hash whole: 64 digits of 0-9 and a-f.")
    return found


def _list_lacking() -> None:
    rows = [
        (each["created_at"], to_sat(each["amount_msat"]), to_sat(each["fee_msat"]), each["payment_hash"])
        for each in admin_call("GET", "/v1/admin/payout-pause/lacking")
    ]
    if rows:
        say("paid by the nodes since the backup, and not in the books:")
        show_table(("paid", "sat", "fee, sat", "payment hash"), rows)
        _list_open_refunds()


def _list_open_refunds() -> None:
    refunds = admin_call("GET", f"/v1/admin/refunds?limit={MOST_LISTED}")
    found = [each for each in refunds if each["state"] in {"offered", "claiming"}]
    if found:
        say("refunds that the backup knows as not yet claimed; one of the payments may be theirs:")
        show_table(("sat", "payment hash"), [(to_sat(each["amount_msat"]), each["payment_hash"]) for each in found])


def _show(found: dict[str, Any]) -> None:
    fee = to_sat(found["fee_limit_msat"])
    to = found["creator"] or f"refund of {found['refund_of'][:8]}…"
    say(f"{found['payout_id']}  {to_sat(found['amount_msat'])} sat to {to}, fee at most {fee} sat: {found['state']}")
    if found["next_try_at"]:
        say(f"  next try at {found['next_try_at']}")
    rows = [
        (
            str(n),
            each["state"],
            each["reason"],
            "" if each["fee_msat"] is None else to_sat(each["fee_msat"]),
            each["node_id"] or "",
            each["payment_hash"] or "",
            each["ended_at"] or each["dispatched_at"] or each["reserved_at"],
        )
        for n, each in enumerate(found["tries"], start=1)
    ]
    if rows:
        show_table(("try", "state", "why", "fee, sat", "node", "payment hash", "at"), rows)


def _reason(found: dict[str, Any]) -> str:
    return str(found["tries"][-1]["reason"]) if found["tries"] else ""
