"""What tests share: a clock, databases, nodes, a whole gateway."""
