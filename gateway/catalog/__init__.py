"""What is sold and by whom: items, their rules and texts, creators and their API keys."""
