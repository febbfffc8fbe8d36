"""The hosted page and the embed, which do the same for a reader."""
