"""`tuppence` and the demo as processes of their own."""
