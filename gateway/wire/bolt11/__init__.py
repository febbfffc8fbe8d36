"""BOLT 11 payment requests: `reading`, `signing` (needs an extra), and the `fields` that both use."""
