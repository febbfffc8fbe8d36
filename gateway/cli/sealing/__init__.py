"""`tuppence seal`: static sites whose paid parts are sealed. Each part is a JWE; its key, a JWK, is what is sold."""
