"""The tax office and the books: what agents ask for, and how the sandbox plays them."""

from typing import Protocol

from agents.services.http import Body
from agents.services.keyed import Keyed, Register, keyed_system
from agents.services.sandbox.keyed import keyed_operations, register_operation


class TaxOffice(Register, Protocol):
    """Knows the owner of each valid VAT id: {"name"}."""


class Books(Keyed, Protocol):
    """Holds an entry under each key; `total` in minor units of `currency` (ISO 4217)."""


def owner(vat_id: str) -> Body | None:
    """The sandbox's register: an id that ends in 000 is not valid."""
    return None if vat_id.endswith("000") else {"name": f"Owner of {vat_id}"}


OPERATIONS = (register_operation("tax-office", owner), *keyed_operations("books"))
SYSTEMS = (keyed_system(TaxOffice, "tax-office", __name__), keyed_system(Books, "books", __name__))
