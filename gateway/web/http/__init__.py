"""Shared by all routes: middleware, problem documents, bodies, origins, client addresses, languages, templates."""
