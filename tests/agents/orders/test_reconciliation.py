"""What a comparison looks at: whose a payment is, what is too young, and what no listing showed.

The whole of it, at real providers, is in tests/flows/operations/test_reconciliation.py.
"""

import random
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from agents.orders.models import Booked, Captured, Order, PaymentClosed, PaymentOpened
from agents.orders.reconciliation import CLOCKS_DIFFER, Bits, differences
from agents.orders.scenario import ORDERS
from agents.runtime.model.item import Effect, Item
from agents.runtime.model.lifecycle import State
from agents.runtime.recovery.reconciliation import Ended, Window
from agents.services.carriers.protocol import Booking, Carriers, ListedBooking
from agents.services.inventory.protocol import ListedReservation, Reservation
from agents.services.payments.protocol import ListedPayment, Payment
from agents.workflow.fields import Strict
from agents.workflow.money import to_major

SINCE, UNTIL = 1_000_000.0, 2_000_000.0
LATER = UNTIL + 1
WINDOW = Window(SINCE, UNTIL)
AGENTS = ("reserve_stock", "open_payment", "book_shipment")


def test_a_set_of_bits_holds_what_was_put_in() -> None:
    bits, numbers = Bits(), random.Random(7).sample(range(1, 5_000), 300)
    for number in numbers:
        bits.add(number)
    assert [n for n in range(6_000) if n in bits] == sorted(numbers)


@dataclass
class Listings:
    """A provider that lists these rows, one a page; and a journal that knows these items."""

    rows: Sequence[object]
    name: str = "swift"

    async def listed(self, since: float) -> AsyncIterator[list[object]]:
        assert since == SINCE
        for row in self.rows:
            yield [row]


@dataclass
class Known:
    """A journal that knows these items."""

    items: Sequence[Ended]
    tenant: str = "default"
    window: Window = WINDOW

    @property
    def journal(self) -> "Known":
        return self

    def of(self, scenario: object) -> "Known":
        return self if scenario is ORDERS else Known((), self.tenant)  # nothing came back

    async def by_key(self, keys: Iterable[str]) -> dict[str, list[Ended]]:
        wanted = set(keys)
        return {k: [i for i in self.items if i.item.key == k] for k in wanted}

    async def below(self, keys: Iterable[str]) -> dict[str, list[Ended]]:
        return await self.by_key(keys)

    async def by_reference(self, references: Iterable[str]) -> dict[str, list[Ended]]:
        return await self.by_key(references)

    def may_be_ours(self, name: str) -> bool:
        return not name.startswith("other:")

    async def by_effect(self, keys: Iterable[str]) -> dict[str, Ended]:
        wanted = set(keys)
        effects = ((e.key, i) for i in self.items for e in i.item.effects.values())
        return {key: item for key, item in effects if key in wanted}

    async def ended(self) -> AsyncIterator[list[Ended]]:
        yield [one for one in self.items if one.item.tenant == self.tenant]


def ended(
    order: Order, number: int, state: State, *facts: Strict, tenant: str = "default"
) -> Ended:
    item = Item(number, tenant, "orders", order.order_id, 1, state, "0" * 32, order)
    for fact in facts:
        item.learn(fact)
    for agent in AGENTS:
        key = f"{tenant}:{order.order_id}:{agent}"
        item.effects[agent, 0] = Effect(key, "done", SINCE + CLOCKS_DIFFER)
    return Ended(item, 1, settled=True)


def undone(order: Order, number: int = 1, payment: str = "pi_1", tenant: str = "default") -> Ended:
    facts = (PaymentOpened(payment=payment), PaymentClosed(payment=payment, refunded=0))
    return ended(order, number, State.COMPENSATED, *facts, tenant=tenant)


def shipped(order: Order) -> Ended:
    paid = Captured(payment="pi_1", amount=order.total)
    booked = Booked(carrier="swift", tracking_id="SW1")
    return ended(order, 1, State.COMPLETED, PaymentOpened(payment="pi_1"), paid, booked)


def payment(order: Order, name: str = "pi_1", created: float = SINCE) -> ListedPayment:
    due = to_major(order.total, order.currency)
    taken = Payment(name, "captured", due, order.currency, captured=due)
    return ListedPayment(taken, order.order_id, created)


async def compared(
    known: Any, payments: Any = (), reservations: Any = (), bookings: Any = ()
) -> list[str]:
    inventory: Any = Listings(reservations)
    paid: Any = Listings(payments)
    swift, bulky = Listings(bookings), Listings((), "bulky")
    carriers: Any = Carriers((swift, bulky))  # type: ignore[arg-type]  # they only list
    return [one.what async for one in differences(known, paid, inventory, carriers)]


def all_of(order: Order, created: float = SINCE) -> tuple[Any, Any, Any]:
    key = f"default:{order.order_id}"
    return (
        [payment(order, created=created)],
        [ListedReservation(Reservation(f"{key}:reserve_stock", "issued", 1), created)],
        [ListedBooking(f"{key}:book_shipment", Booking("swift", "SW1", "booked"), created)],
    )


async def test_a_shipped_order_that_all_providers_know_is_well(order: Order) -> None:
    assert await compared(Known([shipped(order)]), *all_of(order)) == []


async def test_each_provider_is_asked_for_what_an_order_left_there(order: Order) -> None:
    listed = all_of(order)
    assert await compared(Known([undone(order)]), *listed) == [
        "captured for an ended order",
        "goods left for an order that is not shipped",
        "a booking of an order that is not shipped",
    ]
    assert await compared(Known([]), *listed) == [
        "a payment of no known order",
        "goods left for no known order",
        "a booking of no known order",
    ]


async def test_what_no_listing_shows_is_missing_but_at_the_edge_of_the_window(
    order: Order,
) -> None:
    assert await compared(Known([shipped(order)])) == ["the provider knows nothing of it"] * 3
    early = shipped(order)
    for position, effect in early.item.effects.items():
        early.item.effects[position] = replace(effect, intended_at=SINCE + CLOCKS_DIFFER - 1)
    assert await compared(Known([early])) == []


async def test_what_is_not_at_rest_is_left_out(order: Order) -> None:
    unsettled = replace(undone(order), settled=False)
    assert await compared(Known([unsettled]), *all_of(order)) == []
    assert await compared(Known([replace(shipped(order), settled=False)])) == []
    assert await compared(Known([]), *all_of(order, LATER)) == []


async def test_a_late_object_of_a_settled_order_is_not_too_young(order: Order) -> None:
    found = await compared(Known([undone(order)]), [payment(order, created=LATER)])
    assert found == ["captured for an ended order"]


async def test_what_another_installation_has_made_on_the_account_is_left_to_it() -> None:
    def made_by(whose: str) -> tuple[Any, Any, Any]:
        paid = Payment("pi_9", "captured", Decimal(5), "USD", Decimal(5), Decimal(0))
        held, booked = Reservation(f"{whose}1", "held", 1), Booking("swift", "SW9", "booked")
        return (
            [ListedPayment(paid, f"{whose}1", SINCE)],
            [ListedReservation(held, SINCE)],
            [ListedBooking(f"{whose}1", booked, SINCE)],
        )

    foreign, unknown = made_by("other:"), made_by("")
    assert await compared(Known([]), *foreign) == []
    assert len(await compared(Known([]), *unknown)) == 3


async def test_tenants_may_use_the_same_number_at_the_same_provider(order: Order) -> None:
    ours, theirs = undone(order), undone(order, 2, "pi_2", tenant="other")
    for items in ([ours, theirs], [theirs, ours]):
        assert await compared(Known(items), [payment(order, "pi_2")]) == []
        assert await compared(Known(items), [payment(order)]) == ["captured for an ended order"]
