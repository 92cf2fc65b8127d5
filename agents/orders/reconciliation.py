"""Reconciliation of orders: every payment, reservation and booking is compared with the journal, and back.

Memory is bounded: a page of each listing, and one bit for each order and provider.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

from agents.orders.models import Booked
from agents.orders.reconciliation_rules import (
    BOOK,
    OF_EXCHANGES,
    OPEN,
    RESERVE,
    of_booking,
    of_reservation,
    payment_of,
    unknown_outside,
)
from agents.orders.returned_money import returned_money
from agents.orders.scenario import ORDERS, RETURNS
from agents.runtime.recovery.reconciliation import Difference, Ended, JournalView
from agents.services.carriers.protocol import Carrier, Carriers
from agents.services.inventory.protocol import Inventory
from agents.services.payments.protocol import ListedPayment, Payments

CLOCKS_DIFFER = 3600.0  # seconds by which a provider's clock may be off


class Bits:
    """A set of item ids, which grow from 1 without large gaps."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, number: int) -> None:
        """Add an id."""
        place, bit = divmod(number, 8)
        if place >= len(self._bytes):
            self._bytes.extend(bytes(place + 1 - len(self._bytes)))
        self._bytes[place] |= 1 << bit

    def __contains__(self, number: int) -> bool:
        place, bit = divmod(number, 8)
        return place < len(self._bytes) and bool(self._bytes[place] >> bit & 1)


Seen = dict[str, Bits]


async def differences(
    view: JournalView, payments: Payments, inventory: Inventory, carriers: Carriers
) -> AsyncIterator[Difference]:
    """Yield each difference between the orders of the journal and the providers. Raises TransientError."""
    seen: Seen = {effect: Bits() for effect in (OPEN, RESERVE, BOOK)}
    async for found in _payments(view, seen, payments):
        yield found
    async for found in _reservations(view, seen, inventory):
        yield found
    for carrier in carriers:
        async for found in _bookings(view, seen, carrier):
            yield found
    for scenario in (ORDERS, RETURNS):
        async for page in view.of(scenario).ended():
            for known in page:
                if known.settled:
                    for found in unknown_outside(known, _unseen(view, known, seen)):
                        yield found


async def _payments(view: JournalView, seen: Seen, payments: Payments) -> AsyncIterator[Difference]:
    async for page in payments.listed(view.window.since):
        known = await view.by_reference(listed.reference for listed in page)
        owners = [_whose(known.get(listed.reference, ()), listed) for listed in page]
        money = await returned_money(view, (of.item.key for of in owners if of is not None), page)
        for of, listed in zip(owners, page, strict=True):
            if of is not None and payment_of(of) == listed.payment.id:
                seen[OPEN].add(of.item.id)
            if _is_judged(view, of, listed.reference, listed.created) and money.may_judge(
                of, listed
            ):
                for found in _one(money.judged(of, listed)):
                    yield found


async def _reservations(
    view: JournalView, seen: Seen, inventory: Inventory
) -> AsyncIterator[Difference]:
    async for page in inventory.listed(view.window.since):
        known = await _by_effect(view, [listed.reservation.key for listed in page])
        for listed in page:
            of = known.get(listed.reservation.key)
            if of is not None:
                seen[RESERVE].add(of.item.id)
            if _is_judged(view, of, listed.reservation.key, listed.created):
                for found in _one(of_reservation(of, listed.reservation)):
                    yield found


async def _bookings(view: JournalView, seen: Seen, carrier: Carrier) -> AsyncIterator[Difference]:
    async for page in carrier.listed(view.window.since):
        known = await _by_effect(view, [listed.key for listed in page])
        for listed in page:
            of = known.get(listed.key)
            booked = of.item.fact(Booked) if of is not None else None
            if of is not None and booked and booked.carrier == carrier.name:
                seen[BOOK].add(of.item.id)
            if _is_judged(view, of, listed.key, listed.created):
                for found in _one(of_booking(of, listed.key, listed.booking)):
                    yield found


async def _by_effect(view: JournalView, keys: Sequence[str]) -> dict[str, Ended]:
    """The orders, and the exchanges with new goods, whose effects have these keys."""
    return await view.by_effect(keys) | await view.of(RETURNS).by_effect(keys)


def _one(found: Difference | None) -> Iterable[Difference]:
    return () if found is None else (found,)


def _whose(known: Sequence[Ended], listed: ListedPayment) -> Ended | None:
    """The order of a payment; two tenants may use the same order number, but never the same payment."""
    paid = (one for one in known if payment_of(one) == listed.payment.id)
    return next(paid, known[0] if known else None)


def _is_judged(view: JournalView, of: Ended | None, name: str, created: float) -> bool:
    """Whether a listed object can be judged: its order is ours and settled, or it is unknown and not new.

    What another installation has made on the same account is that one's to judge, by its `name`.
    """
    if of is None:
        return view.may_be_ours(name) and created <= view.window.until
    return of.settled and of.item.tenant == view.journal.tenant


def _unseen(view: JournalView, known: Ended, seen: Seen) -> set[str]:
    """The effects of an order that certainly fall into the window and that no listing had."""
    since = view.window.since + CLOCKS_DIFFER
    return {
        what
        for (agent, _), effect in known.item.effects.items()
        if (what := OF_EXCHANGES.get(agent, agent)) in seen
        and effect.intended_at >= since
        and known.item.id not in seen[what]
    }
