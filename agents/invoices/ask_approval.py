"""Ask: a person decides about an invoice above the limit."""

from agents.invoices.invoice import Invoice
from agents.runtime import PURE, Decision, Parked, agent
from agents.workflow.money import format_money, to_major

LIMIT = 1_000  # whole units of the currency


@agent(PURE)
def ask_approval(invoice: Invoice, decision: Decision | None) -> None:
    """Park the invoice until somebody has decided; a rejection reverses its entry."""
    if decision is None and to_major(invoice.total, invoice.currency) > LIMIT:
        raise Parked(f"{format_money(invoice.total, invoice.currency)} to {invoice.supplier}?")
