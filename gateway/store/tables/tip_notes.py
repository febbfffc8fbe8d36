"""Messages and names of tips, in a table apart from the invoices so that they can be purged."""

from dataclasses import asdict

from sqlalchemy import Connection, insert

from gateway.rows import TipNote
from gateway.store.tables.schema import tip_notes

_INSERT = insert(tip_notes)


class TipNoteRows:
    """Satisfies `ports.TipNotes`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, note: TipNote) -> None:
        self._connection.execute(_INSERT, asdict(note))
