"""HTTP: the public and the admin API, pages, the embed's files."""
