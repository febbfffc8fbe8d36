"""Wake-ups for requests that wait for a settlement, and the feed of all settlements."""
