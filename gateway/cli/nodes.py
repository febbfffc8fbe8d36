"""`tuppence node list`, `drain` and `undrain`: the LND nodes of the gateway."""

from typing import Annotated, Any

import typer

from gateway.cli.admin_call import admin_call
from gateway.cli.command_group import CommandGroup
from gateway.terminal import say, show_table

nodes = typer.Typer(cls=CommandGroup, no_args_is_help=True, help="Manage the LND nodes that issue invoices.")

NodeId = Annotated[str, typer.Argument(help="The node's id, as in `tuppence node list`.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(nodes, name="node")


@nodes.command("list")
def list_nodes() -> None:
    """List the nodes with their state, identity and number of open invoices."""
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
    """Stop issuing invoices at a node.

    Every replica stops within 2 s. Open invoices of the node are followed until they are final.
    """
    left = admin_call("PATCH", f"/v1/admin/nodes/{node_id}", json={"drained": True})["open_invoices"]
    say(f"{node_id} is drained; {left} open invoices are followed until they are paid or canceled")


@nodes.command()
def undrain(node_id: NodeId) -> None:
    """Issue invoices at a node again."""
    admin_call("PATCH", f"/v1/admin/nodes/{node_id}", json={"drained": False})
    say(f"{node_id} makes invoices again")


def _sells(node: dict[str, Any]) -> str:
    if node["drained_at"]:
        return f"drained {node['drained_at']}"
    return "yes" if node["state"] == "ready" else "no"
