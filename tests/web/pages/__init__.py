"""The pages, tested without a browser."""
