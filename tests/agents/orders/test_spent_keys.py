"""The provider repeats a failure under the key of an opening: its list says whether there is a payment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.orders.models import Order, PaymentClosed, PaymentOpened
from agents.orders.payments import close_payment, find_opened, open_payment
from agents.runtime.errors import KeySpent, UnknownOutcome
from agents.runtime.execution.agent import BegunAt, EffectKey, Reference, UndoneKey
from agents.runtime.settings import Settings
from agents.services import connect_services
from agents.services.payments.protocol import Payments

BEGUN = BegunAt(0.0)
INSTALLATION = "fedcba9876543210"


@asynccontextmanager
async def failing(data: Path, kind: str) -> AsyncIterator[Payments]:
    """The provider, whose first answer to an opening is a stored status 500."""
    faults = f"payments.open:{kind}=1"
    async with connect_services(Settings(data=data), faults=faults) as services:
        yield services[Payments]


@pytest.fixture
def reference(order: Order) -> Reference:
    return Reference(f"{INSTALLATION}:default:{order.order_id}")


async def spend(payments: Payments, order: Order, key: str, reference: Reference) -> None:
    """Open a payment and repeat that: the answer is a failure, for as long as the key is known."""
    with pytest.raises(UnknownOutcome):
        await open_payment.function(order, EffectKey(key), reference, payments)
    for _ in range(2):
        with pytest.raises(KeySpent, match="repeats its status 500 under this key"):
            await open_payment.function(order, EffectKey(key), reference, payments)


@pytest.mark.parametrize("kind, happened", [("error", True), ("failure", False)])
async def test_the_list_says_whether_a_payment_was_opened(
    providers: Path, order: Order, key: str, reference: Reference, kind: str, happened: bool
) -> None:
    async with failing(providers, kind) as payments:
        await spend(payments, order, key, reference)
        found = await find_opened(order, reference, BEGUN, payments)
        assert (found is not None) is happened
        assert await find_opened(order, Reference(f"{reference}0"), BEGUN, payments) is None
        if found is None:  # under the key of the next generation it is opened
            opened = await open_payment.function(order, EffectKey(f"{key}.1"), reference, payments)
            assert await find_opened(order, reference, BEGUN, payments) == opened


async def test_an_order_of_an_earlier_release_takes_no_payment_from_the_list(
    providers: Path, order: Order, key: str
) -> None:
    """Its reference is not unique: the payment may be that of another installation."""
    reference = Reference(order.order_id)
    async with failing(providers, "error") as payments:
        await spend(payments, order, key, reference)
        assert await find_opened(order, reference, BEGUN, payments) is None


@pytest.mark.parametrize("kind, happened", [("error", True), ("failure", False)])
async def test_a_payment_is_closed_although_its_opening_only_brings_failures(
    providers: Path, order: Order, key: str, reference: Reference, kind: str, happened: bool
) -> None:
    async with failing(providers, kind) as payments:
        await spend(payments, order, key, reference)
        keys = UndoneKey(key), EffectKey(f"{key}:close")
        closed = await close_payment.function(order, None, *keys, reference, BEGUN, None, payments)
        assert closed == PaymentClosed(payment=closed.payment, refunded=0)
        assert bool(closed.payment) is happened
        if happened:
            assert (await payments.find(closed.payment)).status == "cancelled"
        assert await find_opened(order, reference, BEGUN, payments) is None


async def test_a_known_payment_needs_no_list(
    payments: Payments, order: Order, key: str, reference: Reference
) -> None:
    opened = await open_payment.function(order, EffectKey(key), reference, payments)
    assert isinstance(opened, PaymentOpened)
    assert await find_opened(order, reference, BEGUN, payments) == opened
    assert await find_opened(order, reference, BegunAt(4e9), payments) is None
