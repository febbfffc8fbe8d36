"""Protocols for what the domain needs of the outside: database, LND node, keys, contents, time, randomness."""
