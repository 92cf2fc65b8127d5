"""Ask: a person decides about an invoice above the limit."""

from agents.invoices.invoice import Invoice
from agents.runtime import PURE, Decision, Parked, agent
from agents.workflow.money import format_money

LIMIT = 100_000  # minor units


@agent(PURE)
def ask_approval(invoice: Invoice, decision: Decision | None) -> None:
    """Park the invoice until somebody has decided; a rejection reverses its entry."""
    if decision is None and invoice.total > LIMIT:
        raise Parked(f"{format_money(invoice.total, invoice.currency)} to {invoice.supplier}?")
