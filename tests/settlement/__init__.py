"""From LND's report to the books."""
