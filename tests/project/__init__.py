"""The repository itself: documents, packaging, operation, conventions."""
