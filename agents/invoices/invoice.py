"""An invoice: what it is, what its agents state about it, how it is read and how it ends."""

from dataclasses import replace

from pydantic import ConfigDict, JsonValue

from agents.runtime import Item, Notice, Scenario
from agents.services.notifications.protocol import Message
from agents.workflow.fields import Email, Identifier, Strict, Text
from agents.workflow.messages import notice, notification_agent
from agents.workflow.money import Currency, MinorUnits
from agents.workflow.records import Records
from agents.workflow.report import either

EXAMPLE: JsonValue = {
    "number": "INV-2026-118",
    "supplier": "Paper and Ink Ltd",
    "vat_id": "IE6388047V",
    "email": "accounts@example.com",
    "currency": "EUR",
    "total": 48000,
}


class Invoice(Strict):
    """A supplier's invoice; `total` in minor units of `currency`."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    number: Identifier
    supplier: Text
    vat_id: Identifier
    email: Email
    currency: Currency
    total: MinorUnits


class Owner(Strict):
    """Who the VAT id belongs to, as the tax office says."""

    name: str


class Booked(Strict):
    """The invoice is in the books, as this entry."""

    entry: str


def _notices(item: Item) -> list[Notice]:
    subject = f"Your invoice {item.key} is {item.outcome}"
    return [notice("invoice.ended", Message("email", item.payload.email, subject, "Thank you."))]


RECORDS = Records(Invoice, key="number")
OUTCOME = either("approved", "refused")
ASKED_FIRST = Scenario("invoices", "2", Invoice, OUTCOME, _notices, validate=RECORDS.validate)
INVOICES = replace(ASKED_FIRST, version="1", others=(ASKED_FIRST,))

notify_supplier = notification_agent("notify_supplier")
