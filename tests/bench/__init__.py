"""What the gateway costs on top of LND: `python -m tests.bench`, one figure a file, everything on this machine."""
