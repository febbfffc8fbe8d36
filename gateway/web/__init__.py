"""The HTTP server: API, pages and embed, for readers, creators and programs."""
