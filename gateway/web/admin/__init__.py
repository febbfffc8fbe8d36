"""The JSON API for creators and the operator."""
