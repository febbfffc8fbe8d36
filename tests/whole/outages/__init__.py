"""The node, the database, the disk or the process itself fails, and nothing is lost."""
