"""The journal of the simulated node survives a kill."""

from pathlib import Path
from secrets import token_bytes

from gateway.simulator.core import Simulator
from gateway.simulator.invoice import SimulatedInvoice
from gateway.simulator.journal import Journal
from gateway.simulator.payments.payment import SimulatedPayment


def paid_invoice() -> tuple[SimulatedInvoice, SimulatedInvoice]:
    core = Simulator(clock=lambda: 1_800_000_000, random_bytes=lambda size: b"\x07" * size)
    row = core.add_invoice(preimage=b"", amount_msat=1000, memo="a memo", expiry_seconds=600)
    return row, core.pay(row.payment_hash, payer="somebody")


def test_rows_come_back_as_they_were_recorded(tmp_path: Path) -> None:
    opened, settled = paid_invoice()
    journal = Journal(tmp_path / "invoices.jsonl", SimulatedInvoice)
    journal.record(opened)
    journal.record(settled)
    journal.close()
    reopened = Journal(tmp_path / "invoices.jsonl", SimulatedInvoice)
    assert list(reopened.rows()) == [opened, settled]
    reopened.close()


def test_payments_come_back_too(tmp_path: Path) -> None:
    path = tmp_path / "payments.jsonl"
    journal = Journal(path, SimulatedPayment)
    core = Simulator(clock=lambda: 1_800_000_000, random_bytes=token_bytes, record_payment=journal.record)
    payee = Simulator(clock=lambda: 1_800_000_000, random_bytes=token_bytes)
    row = payee.add_invoice(preimage=b"", amount_msat=1000, memo="", expiry_seconds=600)
    core.funds_msat = 10_000
    core.payments.send(row.payment_request, fee_limit_msat=1000)
    journal.close()
    reopened = Journal(path, SimulatedPayment)
    assert list(reopened.rows())[-1:] == list(core.payments)
    reopened.close()


def test_half_a_line_that_a_kill_left_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "invoices.jsonl"
    opened, settled = paid_invoice()
    journal = Journal(path, SimulatedInvoice)
    journal.record(opened)
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"add_index":2,"payment_ha')
    survived = Journal(path, SimulatedInvoice)
    assert list(survived.rows()) == [opened]
    survived.record(settled)
    assert list(survived.rows()) == [opened, settled]
    survived.close()


def test_what_was_recorded_is_on_disk_at_once_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "invoices.jsonl"
    journal = Journal(path, SimulatedInvoice)
    journal.record(paid_invoice()[0])
    assert path.read_bytes().endswith(b"\n")
    assert path.stat().st_mode & 0o777 == 0o600
    journal.close()
