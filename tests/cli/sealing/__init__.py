"""`tuppence seal`: paid parts of a static site are encrypted."""
