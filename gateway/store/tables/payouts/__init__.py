"""The SQL of money that leaves: payouts and their tries, caps, destinations, rules, the pause, refunds."""
