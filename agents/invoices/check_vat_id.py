"""Check: the tax office must know the supplier's VAT id."""

from agents.invoices.invoice import Invoice, Owner
from agents.invoices.services import TaxOffice
from agents.runtime import READ, PermanentError, agent


class InvalidVatId(PermanentError):
    """The tax office does not know the VAT id."""


@agent(READ)
async def check_vat_id(invoice: Invoice, tax_office: TaxOffice) -> Owner:
    """Ask who owns the VAT id. Raises InvalidVatId (permanent)."""
    if (found := await tax_office.find(invoice.vat_id)) is None:
        raise InvalidVatId(invoice.vat_id)
    return Owner(name=found["name"])
