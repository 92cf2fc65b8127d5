"""Book: an entry in the books, which is reversed if the invoice is refused later."""

from agents.invoices.invoice import Booked, Invoice, Owner
from agents.invoices.services import Books
from agents.runtime import EFFECT, EffectKey, SameKey, UndoneKey, agent


@agent(EFFECT, settle=SameKey())
async def reverse_entry(_invoice: Invoice, undone: UndoneKey, books: Books) -> None:
    """Take the entry back and close its key, so that no late call can make it again."""
    await books.close(undone)


@agent(EFFECT, undo=reverse_entry, settle=SameKey())
async def book_invoice(invoice: Invoice, owner: Owner, key: EffectKey, books: Books) -> Booked:
    """Make the entry, once: the books never forget a key. Raises Rejected (permanent)."""
    body = invoice.model_dump(include={"number", "currency", "total"}) | {"owner": owner.name}
    return Booked(entry=(await books.make(key, body))["id"])
