"""The invariants of payouts and refunds, each a query that must find no row: (name, sentence, query)."""

# The transfers of each try, as its state has them. One for which nothing could be reserved was released without any.
_EXPECTED = """
    SELECT payout_id, n, 'reserve', source_account, 'payout:' || payout_id, amount_msat + fee_limit_msat
    FROM payout_tries t WHERE state <> 'released' OR {booked}
    UNION ALL SELECT payout_id, n, 'return', 'payout:' || payout_id, source_account, amount_msat + fee_limit_msat
    FROM payout_tries t WHERE state = 'failed' OR (state = 'released' AND {booked})
    UNION ALL SELECT payout_id, n, 'paid', 'payout:' || payout_id, COALESCE('node:' || node_id, 'operator'), amount_msat
    FROM payout_tries WHERE state = 'succeeded'
    UNION ALL SELECT payout_id, n, 'fee', 'payout:' || payout_id, COALESCE('node:' || node_id, 'operator'), fee_msat
    FROM payout_tries WHERE state = 'succeeded' AND fee_msat > 0
    UNION ALL SELECT payout_id, n, 'return', 'payout:' || payout_id, source_account, fee_limit_msat - fee_msat
    FROM payout_tries WHERE state = 'succeeded' AND fee_limit_msat <> fee_msat
""".format(booked="EXISTS (SELECT 1 FROM transfers x WHERE x.payout_id = t.payout_id AND x.n = t.n)")
_BOOKED = (
    "SELECT payout_id, n, code, debit_account, credit_account, amount_msat FROM transfers WHERE payout_id IS NOT NULL"
)
_TRY = "EXISTS (SELECT 1 FROM payout_tries t WHERE t.payout_id = p.payout_id AND t.state IN ({states}))"
_HAS_PAID = _TRY.format(states="'succeeded'")
_HAS_OPEN = _TRY.format(states="'reserved', 'dispatched'")
_CLAIMS = "FROM payouts p WHERE p.source_account = 'refund:' || r.payment_hash"

PAYOUT_INVARIANTS = (
    (
        "I11",
        "A payout takes its amount and the real fee, and all else that it reserved returns.",
        f"SELECT payout_id FROM ({_EXPECTED} EXCEPT {_BOOKED}) x "
        f"UNION ALL SELECT payout_id FROM ({_BOOKED} EXCEPT SELECT * FROM ({_EXPECTED}) e) y",
    ),
    (
        "I11",
        "A payout ends once, as its tries do.",
        f"SELECT payout_id FROM payouts p WHERE (state = 'succeeded') <> {_HAS_PAID} "
        f"OR (state = 'trying') <> {_HAS_OPEN} "
        "UNION ALL SELECT payout_id FROM payout_tries WHERE state IN ('reserved', 'dispatched', 'succeeded') "
        "GROUP BY payout_id HAVING COUNT(*) > 1",
    ),
    (
        "I11",
        "A try is for what its payout asks.",
        "SELECT t.payout_id FROM payout_tries t LEFT JOIN payouts p ON p.payout_id = t.payout_id "
        "WHERE p.payout_id IS NULL OR t.source_account <> p.source_account OR t.amount_msat <> p.amount_msat",
    ),
    (
        "I11",
        "No invoice is paid for two tries, and none of ours is paid.",
        "SELECT payment_hash FROM payout_tries WHERE payment_hash IS NOT NULL GROUP BY payment_hash "
        "HAVING COUNT(*) > 1 "
        "UNION ALL SELECT t.payment_hash FROM payout_tries t JOIN invoices i ON i.payment_hash = t.payment_hash",
    ),
    (
        "I11",
        "A refund is of a settled payment that it closes, and of no more than was paid.",
        "SELECT i.payment_hash FROM invoices i LEFT JOIN refunds r ON r.payment_hash = i.payment_hash "
        "WHERE (i.refunded_at IS NULL) <> (r.payment_hash IS NULL) OR (r.payment_hash IS NOT NULL "
        "AND (i.state <> 'settled' OR r.amount_msat > i.paid_msat))",
    ),
    (
        "I11",
        "A refund is paid by its creators or by the operator, and what it has left returns to them.",
        # The wrong rows, then a sum that differs, then an account that got back more than it gave.
        "SELECT x.refund_of FROM transfers x LEFT JOIN refunds r ON r.payment_hash = x.refund_of "
        "WHERE x.refund_of IS NOT NULL AND NOT COALESCE((x.code = 'refund' "
        "AND x.credit_account = 'refund:' || x.refund_of AND (x.debit_account = 'operator') = r.covered_by_operator "
        "AND (r.covered_by_operator OR EXISTS (SELECT 1 FROM transfers s WHERE s.payment_hash = x.refund_of "
        "AND s.credit_account = x.debit_account))) "
        "OR (x.code = 'return' AND x.debit_account = 'refund:' || x.refund_of), 1 = 0) "
        "UNION ALL SELECT r.payment_hash FROM refunds r WHERE r.amount_msat + r.fee_limit_msat <> (SELECT "
        "COALESCE(SUM(x.amount_msat), 0) FROM transfers x WHERE x.refund_of = r.payment_hash AND x.code = 'refund') "
        "UNION ALL SELECT refund_of FROM (SELECT refund_of, debit_account AS account, amount_msat AS msat "
        "FROM transfers WHERE refund_of IS NOT NULL AND code = 'refund' UNION ALL SELECT refund_of, credit_account, "
        "-amount_msat FROM transfers WHERE refund_of IS NOT NULL AND code = 'return') y "
        "GROUP BY refund_of, account HAVING SUM(msat) < 0",
    ),
    (
        "I11",
        "A refund is claimed once, and holds its money until then.",
        "SELECT r.payment_hash FROM refunds r LEFT JOIN accounts a ON a.account = 'refund:' || r.payment_hash "
        f"WHERE (r.state = 'claimed') <> EXISTS (SELECT 1 {_CLAIMS} AND p.state = 'succeeded') "
        f"OR (r.state = 'claiming') <> EXISTS (SELECT 1 {_CLAIMS} AND p.ended_at IS NULL) "
        f"OR 1 < (SELECT COUNT(*) {_CLAIMS} AND p.state = 'succeeded') "
        "OR COALESCE(a.balance_msat, 0) <> CASE WHEN r.ended_at IS NOT NULL "
        f"OR EXISTS (SELECT 1 {_CLAIMS} AND {_HAS_OPEN}) THEN 0 ELSE r.amount_msat + r.fee_limit_msat END",
    ),
)
