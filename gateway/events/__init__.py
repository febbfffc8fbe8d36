"""Wake-ups for those who wait for a settlement, and the feed of all settlements."""
