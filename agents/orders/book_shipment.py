"""Shipping: the first carrier that takes the parcel gets it."""

from agents.orders.models import Booked, Captured, Order, Reserved, ShipmentCancelled
from agents.runtime import (
    EFFECT,
    EffectKey,
    Lookup,
    PermanentError,
    Reference,
    UndoneKey,
    agent,
)
from agents.services.carriers.protocol import Booking, BookingRefused, Carriers, Parcel

CARRIERS = EFFECT.limited_by("carriers")


class NoCarrier(PermanentError):
    """Every carrier refused the parcel; `refusals` says why each did."""

    def __init__(self, refusals: tuple[str, ...]) -> None:
        super().__init__(refusals)
        self.refusals = refusals

    def __str__(self) -> str:
        return "no carrier takes the parcel: " + "; ".join(self.refusals)


async def find_booking(_order: Order, key: EffectKey, carriers: Carriers) -> Booked | None:
    """The booking under the key, at any of the carriers."""
    return await booked_anywhere(carriers, key)


async def booked_anywhere(carriers: Carriers, key: str) -> Booked | None:
    """The booking under the key, at any of the carriers."""
    for carrier in carriers:
        found = await carrier.find(key)
        if found is not None and found.status == "booked":
            return _booked(found)
    return None


async def find_cancelled(
    _order: Order, undone: UndoneKey, carriers: Carriers
) -> ShipmentCancelled | None:
    """Whether every carrier has closed the key."""
    return await all_cancelled(carriers, undone)


async def all_cancelled(carriers: Carriers, undone: str) -> ShipmentCancelled | None:
    """Whether every carrier has closed the key."""
    for carrier in carriers:
        found = await carrier.find(undone)
        if found is None or found.status != "cancelled":
            return None
    return _cancelled(carriers)


@agent(CARRIERS, settle=Lookup(find_cancelled))
async def cancel_shipment(
    _order: Order, undone: UndoneKey, carriers: Carriers
) -> ShipmentCancelled:
    """Cancel the booking and close the key at every carrier, so that no late call can book again."""
    return await cancel_everywhere(carriers, undone)


async def cancel_everywhere(carriers: Carriers, undone: str) -> ShipmentCancelled:
    """Close the key at every carrier, seen or not."""
    for carrier in carriers:
        await carrier.cancel(undone)
    return _cancelled(carriers)


@agent(CARRIERS, version="1.1", undo=cancel_shipment, settle=Lookup(find_booking))
async def book_shipment(
    order: Order,
    reserved: Reserved,
    _paid: Captured,
    key: EffectKey,
    reference: Reference,
    carriers: Carriers,
) -> Booked:
    """Book the parcel of a paid order at the first carrier that takes it. Raises NoCarrier (permanent)."""
    return await book_first(carriers, key, _parcel(order, reserved, reference))


async def book_first(carriers: Carriers, key: str, parcel: Parcel) -> Booked:
    """Book the parcel at the first carrier that takes it. Raises NoCarrier.

    Only after a refusal is the next carrier asked: after any other error the first one may have the parcel.
    """
    refusals: list[str] = []
    for carrier in carriers:
        try:
            booked = await carrier.book(key, parcel)
        except BookingRefused as refusal:
            refusals.append(str(refusal))
        else:
            return _booked(booked)
    raise NoCarrier(tuple(refusals))


def _booked(found: Booking) -> Booked:
    arrives_on = found.arrives_on
    return Booked(carrier=found.carrier, tracking_id=found.tracking_id, arrives_on=arrives_on)


def _parcel(order: Order, reserved: Reserved, reference: str) -> Parcel:
    address = order.address.model_dump()
    return Parcel(reference, reserved.weight_grams, order.customer.name, **address)


def _cancelled(carriers: Carriers) -> ShipmentCancelled:
    return ShipmentCancelled(carriers=tuple(carrier.name for carrier in carriers))
