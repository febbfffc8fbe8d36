"""An insert that does nothing where a unique constraint is violated; the row count tells whether it inserted."""

from typing import Any

from sqlalchemy import Insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class InsertOrIgnore(Insert):
    """`INSERT … ON CONFLICT DO NOTHING`, which SQLite and PostgreSQL both accept."""

    inherit_cache = True


@compiles(InsertOrIgnore)
def _compile(statement: InsertOrIgnore, compiler: SQLCompiler, **options: Any) -> str:
    insert: str = compiler.visit_insert(statement, **options)  # type: ignore[no-untyped-call]  # as the library has it
    return f"{insert} ON CONFLICT DO NOTHING"
