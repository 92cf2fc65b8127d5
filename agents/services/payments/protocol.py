"""What agents ask of a payment provider: payments that are authorised first and captured later.

Money is an exact number of whole units of its currency, such as 12.50: providers and ISO 4217 disagree
on how many decimals a currency is counted in, so each adapter counts by its own provider's table.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from agents.runtime.errors import PermanentError

NOTHING = Decimal(0)
# Statuses of a refund.
RETURNED, RETURNING = frozenset({"succeeded"}), frozenset({"pending", "requires_action"})
NOT_RETURNED = frozenset({"failed", "canceled"})


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment at the provider; amounts in whole units of `currency`.

    `status` is open (no money moved), processing (the bank has not decided), authorised, captured or
    cancelled. `held` can still be captured. `refunded` has gone back; `refunding` is on its way.
    `refund_failure` says why a refund failed, `dispute` how a dispute with the customer's
    bank stands (open or lost) and `cancelled_by` who or what cancelled the payment.
    """

    id: str
    status: str
    amount: Decimal
    currency: str
    captured: Decimal = NOTHING
    refunded: Decimal = NOTHING
    held: Decimal = NOTHING
    refunding: Decimal = NOTHING
    refund_failure: str = ""
    dispute: str = ""
    cancelled_by: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund of a payment; `reference` is our name of it, `reason` says why it failed.

    `status` is the provider's word; one of the three properties holds.
    """

    id: str
    status: str
    amount: Decimal
    currency: str
    reference: str = ""
    reason: str = ""

    @property
    def arrived(self) -> bool:
        """Whether the money has gone back."""
        return self.status in RETURNED

    @property
    def is_on_its_way(self) -> bool:
        """Whether the money may still arrive or fail."""
        return self.status in RETURNING

    @property
    def has_failed(self) -> bool:
        """Whether the shop still has the money, for good."""
        return self.status in NOT_RETURNED

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"refund {self.id} of {shown(self.amount, self.currency)} is {self.status}{why}"


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment in a listing: `reference` is our order, `created` in seconds since 1970."""

    payment: Payment
    reference: str
    created: float


@dataclass(frozen=True, slots=True)
class PaymentChange:
    """An event at the provider: `kind` is the provider's word, `at` seconds since 1970.

    `payment` is empty for an event about something that is no payment of the protocol.
    """

    id: str
    kind: str
    payment: str
    at: float


class Declined(PermanentError):
    """The customer's bank refused; `code` is the provider's reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"payment declined: {self.code}"


class AmountRefused(PermanentError):
    """The provider cannot take this amount in whole units of this currency; it was not called."""

    def __init__(self, amount: Decimal, currency: str, reason: str) -> None:
        super().__init__(amount, currency, reason)
        self.amount, self.currency, self.reason = amount, currency, reason

    def __str__(self) -> str:
        return f"{shown(self.amount, self.currency)} cannot be paid: {self.reason}"


class PaymentCancelled(PermanentError):
    """The payment was cancelled at the provider, so it can take no money."""

    def __init__(self, payment: str, by: str) -> None:
        super().__init__(payment, by)
        self.payment, self.by = payment, by

    def __str__(self) -> str:
        return (
            f"payment {self.payment} was cancelled at the provider ({self.by or 'no reason given'})"
        )


class RefundFailed(PermanentError):
    """A refund failed for good, and the shop still has the money; a next call makes another refund."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.reason}: the shop still has the money; replay the item to refund once more, "
            "or pay the customer in another way and discard it"
        )


class RefundRefused(PermanentError):
    """The provider gives back nothing: more than is left was asked for, or the payment is disputed."""

    def __init__(self, amount: Decimal, currency: str, reason: str) -> None:
        super().__init__(amount, currency, reason)
        self.amount, self.currency, self.reason = amount, currency, reason

    def __str__(self) -> str:
        return f"{shown(self.amount, self.currency)} cannot be refunded: {self.reason}"


class Payments(Protocol):
    """A payment provider. `key` is the idempotency key of the call.

    Every call raises TransientError when nothing happened and UnknownOutcome when it may have. An
    answer says how the payment stands, which may be something else than what was asked for.
    """

    async def open(
        self, key: str, reference: str, amount: Decimal, currency: str, method: str
    ) -> Payment:
        """Create a payment that moves no money yet; `reference` is our order, `method` the token.

        Raises AmountRefused before any call, Declined.
        """
        ...

    async def authorise(self, key: str, payment: str) -> Payment:
        """Reserve the money on the customer's account. Raises Declined, PaymentCancelled."""
        ...

    async def capture(self, key: str, payment: str) -> Payment:
        """Take the authorised money. Raises Declined, PaymentCancelled."""
        ...

    async def find(self, payment: str) -> Payment:
        """The payment as the provider knows it now."""
        ...

    async def look_up(self, payment: str) -> ListedPayment:
        """The payment as the provider knows it now, with the order that it is for."""
        ...

    def changes(self, since: float) -> AsyncIterator[list[PaymentChange]]:
        """What has happened to payments since then, page by page. Raises TransientError.

        A change says only that something has happened; how the payment stands is looked up.
        """
        ...

    def listed(self, since: float) -> AsyncIterator[list[ListedPayment]]:
        """All payments created since then, page by page. Raises TransientError."""
        ...

    async def cancel(self, key: str, payment: str) -> Payment:
        """Close an uncaptured payment for good; a captured one is returned as it is."""
        ...

    async def refund(self, key: str, payment: str) -> Payment:
        """Return all captured money; the refund may not be finished. Raises RefundFailed."""
        ...

    async def refund_part(
        self, key: str, payment: str, reference: str, amount: Decimal, currency: str
    ) -> Refund:
        """Return a part of the captured money, once for each `reference`, which names the refund.

        The refund may not be finished, or have failed. Raises RefundRefused, also for another currency
        than the payment's, and AmountRefused before any call.
        """
        ...

    async def refunds(self, payment: str) -> list[Refund]:
        """All refunds of a payment, the newest first. Raises TransientError."""
        ...


def shown(amount: Decimal, currency: str) -> str:
    """The amount as a person reads it: USD 1,234.50."""
    return f"{currency} {amount:,f}"
