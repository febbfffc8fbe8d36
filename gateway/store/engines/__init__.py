"""SQLite and PostgreSQL: transactions, migrations, backup and the move from one to the other."""
