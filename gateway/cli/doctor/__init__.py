"""`tuppence doctor`."""
