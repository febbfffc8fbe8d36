"""What the domain needs of the outside, as protocols: database, LND node, keys, contents, clock, randomness."""
