"""From LND's report of a payment to the transaction that credits it, once."""
