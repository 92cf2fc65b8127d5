"""The first carrier that takes the parcel gets it, and a cancelled key is closed at all of them."""

import pickle

import pytest

from agents.orders.book_shipment import (
    NoCarrier,
    book_shipment,
    cancel_shipment,
    find_booking,
    find_cancelled,
)
from agents.orders.models import Captured, Order, Reserved
from agents.runtime.execution.agent import EffectKey, Reference, UndoneKey
from agents.services.carriers.protocol import Carriers
from agents.services.http import Rejected

REFERENCE = Reference("an order")
PAID = Captured(payment="p", amount=1)


@pytest.mark.parametrize("grams,carrier", [(5_000, "swift"), (5_001, "bulky"), (30_000, "bulky")])
async def test_the_first_carrier_that_takes_it_gets_it(
    carriers: Carriers, order: Order, key: str, grams: int, carrier: str
) -> None:
    assert await find_booking(order, EffectKey(key), carriers) is None

    booked = await book_shipment.function(
        order, parcel(grams), PAID, EffectKey(key), REFERENCE, carriers
    )

    assert booked.carrier == carrier
    assert booked.tracking_id
    assert await find_booking(order, EffectKey(key), carriers) == booked


async def test_a_parcel_that_all_refuse_says_why_each_did(
    carriers: Carriers, order: Order, key: str
) -> None:
    with pytest.raises(NoCarrier) as caught:
        await book_shipment.function(
            order, parcel(30_001), PAID, EffectKey(key), REFERENCE, carriers
        )

    assert len(caught.value.refusals) == len(carriers)
    assert "30001 g is over the limit of 5000 g" in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert await find_booking(order, EffectKey(key), carriers) is None


async def test_a_cancelled_key_books_nowhere_any_more(
    carriers: Carriers, order: Order, key: str
) -> None:
    await book_shipment.function(order, parcel(100), PAID, EffectKey(key), REFERENCE, carriers)
    assert await find_cancelled(order, UndoneKey(key), carriers) is None

    cancelled = await cancel_shipment.function(order, UndoneKey(key), carriers)

    assert await find_cancelled(order, UndoneKey(key), carriers) == cancelled
    assert cancelled.carriers == tuple(carrier.name for carrier in carriers)
    assert await find_booking(order, EffectKey(key), carriers) is None
    for grams in (100, 20_000):
        with pytest.raises(Rejected, match="closed"):
            await book_shipment.function(
                order, parcel(grams), PAID, EffectKey(key), REFERENCE, carriers
            )


async def test_closed_at_one_carrier_is_not_cancelled_yet(
    carriers: Carriers, order: Order, key: str
) -> None:
    await carriers[0].cancel(key)

    assert await find_cancelled(order, UndoneKey(key), carriers) is None


def test_a_booking_is_undone_by_its_cancellation() -> None:
    assert book_shipment.undo is cancel_shipment


def parcel(grams: int) -> Reserved:
    return Reserved(reservation="r", weight_grams=grams)
