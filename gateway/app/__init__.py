"""A running gateway: its parts, how they are assembled, and what it does in the background."""
