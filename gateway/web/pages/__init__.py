"""The pages for people, with and without script."""
