"""`tuppence node list`, `drain` and `undrain`."""

from typing import Annotated, Any

import typer

from gateway.cli.admin_call import admin_call
from gateway.terminal import say, show_table

nodes = typer.Typer(no_args_is_help=True, help="The LND nodes that make invoices.")

NodeId = Annotated[str, typer.Argument(help="Its id, as `tuppence node list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(nodes, name="node")


@nodes.command("list")
def list_nodes() -> None:
    """List the nodes: how each is, who it is, and how many of its invoices have no verdict yet."""
    rows = [
        (
            node["node_id"],
            node["state"],
            _sells(node),
            str(node["open_invoices"]),
            node["identity_pubkey"],
            node["alias"],
            node["detail"],
        )
        for node in admin_call("GET", "/v1/admin/nodes")
    ]
    headings = ("id", "state", "sells", "open invoices", "identity", "alias", "detail")
    show_table(headings, rows, prose=("alias", "detail"))


@nodes.command()
def drain(node_id: NodeId) -> None:
    """Make no more invoices at a node, on every replica within 2 s; its open ones are followed until they are final."""
    left = admin_call("PATCH", f"/v1/admin/nodes/{node_id}", json={"drained": True})["open_invoices"]
    say(f"{node_id} is drained; {left} open invoices are followed until they are paid or canceled")


@nodes.command()
def undrain(node_id: NodeId) -> None:
    """Make invoices at a node again."""
    admin_call("PATCH", f"/v1/admin/nodes/{node_id}", json={"drained": False})
    say(f"{node_id} makes invoices again")


def _sells(node: dict[str, Any]) -> str:
    if node["drained_at"]:
        return f"drained {node['drained_at']}"
    return "yes" if node["state"] == "ready" else "no"
