"""The LND nodes: their identity, their health, and the pool that chooses which one makes the next invoice."""
