"""A node's identity and health, and which node makes the next invoice."""
