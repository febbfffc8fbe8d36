"""Storage, on SQLite or PostgreSQL.

`tables` holds the SQL, one module for each noun. `engines` runs it: transactions, migrations, backup, the move to
PostgreSQL and the audit. `files` holds what lies beside the database: keys, paid content, the data folder's lock.
"""
