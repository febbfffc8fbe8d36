"""The embed's files, and the snippet that a creator pastes."""
