"""SQLite and PostgreSQL: transactions, migrations, backup, the audit, and the move from one to the other."""
