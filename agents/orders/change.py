"""A change of an order or an account: a customer's request as a work item of order processing."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from agents.shop.accounts import Account
from agents.shop.requests import CustomerId, ModifyCustomerAddress, Request

MOST_ADDRESSES = 64  # changes of one customer's address; a further one is for a person
ONCE = {
    "cancel": "cancel",
    "modify_items": "items",
    "return": "after-sales",
    "exchange": "after-sales",
}
"""What can be done once to an order -> the last part of its key."""

EXAMPLE: JsonValue = {
    "by": "C-1042",
    "turn": "chat-7#000003",
    "request": {"kind": "cancel", "order": "W1763367", "reason": "ordered by mistake"},
}


class Change(Account):
    """A request with its origin: the customer `by`, and the conversation's `turn` that confirmed it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    by: CustomerId
    turn: str
    request: Request
    number: Annotated[int, Field(ge=1)] = 1

    @property
    def key(self) -> str:
        """Its key in the journal. What can be done once to an order has one key, whatever the turn.

        A customer's changes of address are numbered, so that two at the same time have an order.
        """
        request = self.request
        if isinstance(request, ModifyCustomerAddress):
            return f"{self.by}:address:{self.number}"
        return f"{request.order}:{ONCE.get(request.kind, self.turn)}"


def change_keys(order: str) -> tuple[str, str]:
    """The keys of the changes that an account view of the order depends on."""
    return f"{order}:items", f"{order}:after-sales"


def address_keys(customer: str) -> tuple[str, ...]:
    """The keys of a customer's changes of address, in their order."""
    return tuple(f"{customer}:address:{n}" for n in range(1, MOST_ADDRESSES + 1))
