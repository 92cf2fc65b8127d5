"""Invoice approval: check the supplier's VAT id, book the invoice, ask above a limit, tell the supplier."""
