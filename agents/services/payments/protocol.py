"""What agents ask of a payment provider: payments that are authorised first and captured later."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from agents.runtime.errors import PermanentError


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment at the provider; amounts in minor units of `currency`.

    `status` is open (no money moved), authorised, captured or cancelled.
    """

    id: str
    status: str
    amount: int
    currency: str
    captured: int
    refunded: int


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment in a listing: `reference` is our order, `created` in seconds since 1970."""

    payment: Payment
    reference: str
    created: float


class Declined(PermanentError):
    """The customer's bank refused; `code` is the provider's reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"payment declined: {self.code}"


class Payments(Protocol):
    """A payment provider. `key` is the idempotency key of the call.

    Every call raises TransientError when nothing happened and UnknownOutcome when it may have.
    """

    async def open(
        self, key: str, reference: str, amount: int, currency: str, method: str
    ) -> Payment:
        """Create a payment that moves no money yet; `reference` is our order, `method` the token."""
        ...

    async def authorise(self, key: str, payment: str) -> Payment:
        """Reserve the money on the customer's account. Raises Declined."""
        ...

    async def capture(self, key: str, payment: str) -> Payment:
        """Take the authorised money. Raises Declined."""
        ...

    async def find(self, payment: str) -> Payment:
        """The payment as the provider knows it now."""
        ...

    def listed(self, since: float) -> AsyncIterator[list[ListedPayment]]:
        """All payments created since then, page by page. Raises TransientError."""
        ...

    async def cancel(self, key: str, payment: str) -> Payment:
        """Close an uncaptured payment for good; a captured one is returned as it is."""
        ...

    async def refund(self, key: str, payment: str) -> Payment:
        """Return all captured money."""
        ...
