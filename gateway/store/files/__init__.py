"""Files beside the database: keys, paid content, and the lock on the data folder."""
