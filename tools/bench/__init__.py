"""Benchmarks: the cost of the gateway on top of LND (`python -m tools.bench`). One figure per file, on this machine."""
