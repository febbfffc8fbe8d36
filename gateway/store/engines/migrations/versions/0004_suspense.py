"""Payments whose rows were lost can be booked to suspense; a settled invoice must have an amount."""

from alembic import op

revision = "0004"
down_revision = "0003"

_CHECKS = {
    # Whatever is sold is one thing; only what was lost is booked without saying what.
    "ck_invoices_sells_one_thing": (
        "(item_id IS NULL) <> (tip_to IS NULL) OR (origin = 'suspense' AND item_id IS NULL AND tip_to IS NULL)"
    ),
    # A CHECK lets pass what is neither true nor false: NULL > 0 was no refusal.
    "ck_invoices_settled_is_paid": (
        "state <> 'settled' OR (paid_msat IS NOT NULL AND paid_msat > 0 AND settled_at IS NOT NULL)"
    ),
}


def upgrade() -> None:
    with op.batch_alter_table("invoices") as invoices:
        for name, condition in _CHECKS.items():
            invoices.drop_constraint(name, type_="check")
            invoices.create_check_constraint(name, condition)
