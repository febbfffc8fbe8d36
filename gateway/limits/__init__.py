"""How much a client, an item and everybody together may ask for."""
