"""The new goods of an exchange: held when the old ones have arrived, booked, and issued to the carrier.

A return has none, so its steps call nobody. What the warehouse or all carriers refuse is asked of a person,
since the old goods are here: one who approves has it tried again.
"""

from collections import Counter

from agents.orders.book_shipment import (
    CARRIERS,
    NoCarrier,
    all_cancelled,
    book_first,
    booked_anywhere,
    cancel_everywhere,
)
from agents.orders.models import (
    Address,
    Booked,
    ExchangePaid,
    Issued,
    Released,
    Reserved,
    ReturnDue,
    ShipmentCancelled,
)
from agents.orders.reserve_stock import INVENTORY
from agents.orders.returns import EXCHANGE, ArrivedGoods
from agents.runtime import EffectKey, Lookup, Parked, Reference, UndoneKey, agent
from agents.runtime.alerts import alert
from agents.services.carriers.protocol import Carriers, Parcel
from agents.services.inventory.protocol import Inventory, OutOfStock, StockLine, UnknownSku

TRY_AGAIN = "approve to try it again"


async def find_held(
    _arrived: ArrivedGoods, due: ReturnDue, key: EffectKey, inventory: Inventory
) -> Reserved | None:
    """The new goods that are held under the key, unless they were released."""
    found = await inventory.find(key) if due.new else None
    if found is None or found.status not in {"held", "issued"}:
        return None
    return Reserved(reservation=found.key, weight_grams=found.weight_grams)


async def find_released(
    _arrived: ArrivedGoods, due: ReturnDue, undone: UndoneKey, inventory: Inventory
) -> Released | None:
    """The release of the new goods, if the key is closed."""
    found = await inventory.find(undone) if due.new else None
    released = found is not None and found.status == "released"
    return Released(reservation=undone) if released else None


@agent(INVENTORY, settle=Lookup(find_released))
async def release_exchange(
    _arrived: ArrivedGoods, due: ReturnDue, undone: UndoneKey, inventory: Inventory
) -> Released:
    """Put the new goods on sale again and close their key."""
    if not due.new:
        return Released(reservation="")
    await inventory.release(undone)
    return Released(reservation=undone)


@agent(INVENTORY, undo=release_exchange, settle=Lookup(find_held))
async def hold_exchange(
    arrived: ArrivedGoods, due: ReturnDue, key: EffectKey, inventory: Inventory
) -> Reserved:
    """Hold all new goods of an exchange or none. Raises Parked if the warehouse cannot."""
    if not due.new:
        return Reserved(reservation="", weight_grams=0)
    lines = [StockLine(sku, number) for sku, number in Counter(due.new).items()]
    try:
        held = await inventory.reserve(key, lines)
    except (OutOfStock, UnknownSku) as error:
        if isinstance(error, OutOfStock):
            alert("out-of-stock", "returns", arrived.key, str(error))
        raise Parked(f"exchange of order {due.order}: {error}; {TRY_AGAIN}") from error
    return Reserved(reservation=held.key, weight_grams=held.weight_grams)


async def find_exchange(
    _arrived: ArrivedGoods, due: ReturnDue, key: EffectKey, carriers: Carriers
) -> Booked | None:
    """The booking of the new goods under the key, at any of the carriers."""
    return await booked_anywhere(carriers, key) if due.new else None


async def find_exchange_cancelled(
    _arrived: ArrivedGoods, due: ReturnDue, undone: UndoneKey, carriers: Carriers
) -> ShipmentCancelled | None:
    """Whether every carrier has closed the key."""
    return await all_cancelled(carriers, undone) if due.new else None


@agent(CARRIERS, settle=Lookup(find_exchange_cancelled))
async def cancel_exchange(
    _arrived: ArrivedGoods, due: ReturnDue, undone: UndoneKey, carriers: Carriers
) -> ShipmentCancelled:
    """Cancel the booking of the new goods and close its key at every carrier."""
    if not due.new:
        return ShipmentCancelled(carriers=())
    return await cancel_everywhere(carriers, undone)


@agent(CARRIERS, undo=cancel_exchange, settle=Lookup(find_exchange))
async def book_exchange(
    _arrived: ArrivedGoods,
    due: ReturnDue,
    held: Reserved,
    _paid: ExchangePaid,
    key: EffectKey,
    reference: Reference,
    carriers: Carriers,
) -> Booked:
    """Book the parcel of the new goods at the first carrier that takes it. Raises Parked if none does."""
    if not due.new:
        return Booked(carrier="", tracking_id="")
    assert isinstance(due.address, Address), "new goods and their address are agreed together"
    to = due.address.model_dump()
    parcel = Parcel(f"{reference}{EXCHANGE}", held.weight_grams, due.name, **to)
    try:
        return await book_first(carriers, key, parcel)
    except NoCarrier as error:
        raise Parked(f"exchange of order {due.order}: {error}; {TRY_AGAIN}") from error


async def find_exchange_issued(
    _arrived: ArrivedGoods, due: ReturnDue, held: Reserved, inventory: Inventory
) -> Issued | None:
    """The issue of the new goods, if they have left."""
    found = await inventory.find(held.reservation) if due.new else None
    issued = found is not None and found.status == "issued"
    return Issued(reservation=held.reservation) if issued else None


@agent(INVENTORY, settle=Lookup(find_exchange_issued))
async def issue_exchange(
    _arrived: ArrivedGoods, due: ReturnDue, held: Reserved, _booked: Booked, inventory: Inventory
) -> Issued:
    """The new goods leave the warehouse with the parcel that is booked."""
    if due.new:
        await inventory.issue(held.reservation)
    return Issued(reservation=held.reservation)
