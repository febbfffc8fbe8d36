"""The JSON API for readers and programs."""
