"""The LND nodes: who each one is, how it is doing, and which makes the next invoice."""
