"""The catalog: items, their rules and texts, their creators and the API keys of those."""
