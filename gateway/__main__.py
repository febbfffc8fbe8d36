"""`python -m gateway` is `tuppence`."""

from gateway.cli import main

main()
