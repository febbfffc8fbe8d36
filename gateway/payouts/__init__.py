"""Money that leaves: what is asked, its tries, where creators are paid, their rules, and refunds."""
