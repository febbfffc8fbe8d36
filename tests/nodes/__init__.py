"""Tests of a node's identity and health, and of the choice of the node that makes the next invoice."""
