"""How much one client, one item and all clients together may ask for."""
