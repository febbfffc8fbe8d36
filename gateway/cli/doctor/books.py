"""Checks of the database against what it was written with: keys, content files and nodes. Nothing is created."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from sqlalchemy import Connection

from gateway.access.key_rotation import KIND as KEY
from gateway.cli.doctor.check_result import CheckResult
from gateway.nodes.identity import KIND as NODE
from gateway.store.engines.migration import require_newest_schema
from gateway.store.tables.drained_nodes import DrainedNodeRows
from gateway.store.tables.identities import IdentityRows
from gateway.store.tables.invoices import InvoiceRows
from gateway.store.tables.items import ItemRows

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The database's records of things outside it: fingerprints of keys, digests by item, identities of nodes."""

    keys: Mapping[str, str]
    digests: Mapping[str, str]
    nodes: Mapping[str, str]
    drained: Sequence[str]
    open_invoices: Mapping[str, int]


def read_books(connection: Connection) -> Books:
    """Read what the checks compare. Raises `Conflict` (`schema_old`, `schema_newer`)."""
    require_newest_schema(connection)
    identities = IdentityRows(connection)
    return Books(
        keys=dict(identities.list(KEY)),
        digests={item.id: item.digest for item in ItemRows(connection).list() if item.byte_size},
        nodes=dict(identities.list(NODE)),
        drained=[node_id for node_id, _ in DrainedNodeRows(connection).list()],
        open_invoices=InvoiceRows(connection).count_open(),
    )


def compare_keys(folder: Path, books: Books) -> Iterator[CheckResult]:
    """Compare each recorded key with the file of its number."""
    here: dict[str, str] = {}
    for path in sorted(folder.glob("*.key")):
        try:
            here[path.stem] = sha256(bytes.fromhex(path.read_text().strip())).hexdigest()
        except (OSError, ValueError):
            yield CheckResult("bad", f"{path} is not a readable key", "Restore it from a backup.")
    lost = [number for number in books.keys if number not in here]
    others = [number for number, known in books.keys.items() if here.get(number, known) != known]
    for number in others:
        hint = "Set the folder that belongs to this database, or restore the key from a backup."
        yield CheckResult("bad", f"{folder / number}.key is not the key that the database records", hint)
    for number in lost:
        hint = "What was sold with it cannot be opened: restore it from a backup."
        yield CheckResult("bad", f"{folder / number}.key is lost, and the database records it", hint)
    if not lost and not others and books.keys:
        yield CheckResult("good", f"{len(books.keys)} key(s), as the database records them")


def compare_content(folder: Path, books: Books) -> CheckResult:
    """Compare each item's digest with its file, reading every file whole."""
    wrong = [item_id for item_id, digest in books.digests.items() if not _is_whole(folder / digest, digest)]
    if wrong:
        named = ", ".join(wrong[:MOST_NAMED]) + (" …" if len(wrong) > MOST_NAMED else "")
        hint = "Restore the folder from a backup, mount it, or upload the content again: tuppence item edit --content"
        return CheckResult("bad", f"the content of {named} is missing in {folder}, or was changed there", hint)
    return CheckResult("good", f"the content of {len(books.digests)} item(s) is complete")


def compare_identity(node_id: str, identity_pubkey: str, books: Books) -> CheckResult:
    """Compare the node that answers with the one that issued the recorded invoices."""
    known = books.nodes.get(node_id)
    if known is None:
        return CheckResult("good", "the database records no node of this id yet; the first start records this one")
    if known != identity_pubkey:
        hint = (
            f"The database belongs to {known}. Name that node in TUPPENCE_LND_TARGET, its certificate and macaroon; "
            "another node needs an id of its own in TUPPENCE_LND_NODES, or another TUPPENCE_DATA_DIR."
        )
        return CheckResult("bad", f"this is another node than the database records: {identity_pubkey}", hint)
    return CheckResult("good", "it is the node that the database records")


def compare_nodes(configured: Sequence[str], books: Books) -> Iterator[CheckResult]:
    """Compare the configured nodes with those that are drained and those that have open invoices."""
    drained = [node_id for node_id in configured if node_id in books.drained]
    if configured and drained == [*configured]:
        yield CheckResult("bad", "every node is drained: none issues invoices", f"tuppence node undrain {drained[0]}")
    else:
        for node_id in drained:
            yield CheckResult(
                "warning", f"{node_id} is drained and issues no invoices", f"tuppence node undrain {node_id}"
            )
    for node_id, count in books.open_invoices.items():
        if node_id not in configured:
            hint = "They are not followed. Put the node back into TUPPENCE_LND_NODES until they are final."
            yield CheckResult("bad", f"{count} open invoice(s) are of {node_id}, which is not configured", hint)


def _is_whole(path: Path, digest: str) -> bool:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return False
