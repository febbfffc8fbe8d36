"""Messages and names of tips, in a table apart from the invoices so that they can be purged."""

from dataclasses import asdict

from sqlalchemy import Connection, bindparam, insert, select

from gateway.rows import TipNote
from gateway.store.tables.schema import tip_notes

_INSERT = insert(tip_notes)
_GET = select(tip_notes).where(tip_notes.c.payment_hash == bindparam("hash"))


class TipNoteRows:
    """Satisfies `ports.TipNotes`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, note: TipNote) -> None:
        self._connection.execute(_INSERT, asdict(note))

    def get(self, payment_hash: str) -> TipNote | None:
        row = self._connection.execute(_GET, {"hash": payment_hash}).one_or_none()
        return None if row is None else TipNote(**row._mapping)
