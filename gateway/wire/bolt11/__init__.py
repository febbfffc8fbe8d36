"""BOLT 11 payment requests: `reading`, `signing` (needs an extra), and the `bech32` that both use."""
