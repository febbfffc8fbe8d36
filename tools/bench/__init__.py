"""What the gateway costs on top of LND: `python -m tools.bench`, one figure a file, everything on this machine."""
