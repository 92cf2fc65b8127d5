"""Stock: hold all pieces of an order or none, release them, or issue them to the carrier."""

from agents.orders.models import Booked, Issued, Order, Released, Reserved
from agents.runtime import EFFECT, EffectKey, Lookup, UndoneKey, agent
from agents.runtime.alerts import alert
from agents.services.inventory.protocol import Inventory, OutOfStock, StockLine

INVENTORY = EFFECT.limited_by("inventory")


async def find_reservation(_order: Order, key: EffectKey, inventory: Inventory) -> Reserved | None:
    """The reservation under the key, unless it was released."""
    found = await inventory.find(key)
    if found is None or found.status not in {"held", "issued"}:
        return None
    return Reserved(reservation=found.key, weight_grams=found.weight_grams)


async def find_release(_order: Order, undone: UndoneKey, inventory: Inventory) -> Released | None:
    """The release, if the key is closed."""
    found = await inventory.find(undone)
    released = found is not None and found.status == "released"
    return Released(reservation=undone) if released else None


async def find_issue(_order: Order, reserved: Reserved, inventory: Inventory) -> Issued | None:
    """The issue, if the pieces have left."""
    found = await inventory.find(reserved.reservation)
    issued = found is not None and found.status == "issued"
    return Issued(reservation=reserved.reservation) if issued else None


@agent(INVENTORY, settle=Lookup(find_release))
async def release_stock(_order: Order, undone: UndoneKey, inventory: Inventory) -> Released:
    """Put the order's pieces on sale again and close its key, so that no late call can hold any."""
    await inventory.release(undone)
    return Released(reservation=undone)


@agent(INVENTORY, undo=release_stock, settle=Lookup(find_reservation))
async def reserve_stock(order: Order, key: EffectKey, inventory: Inventory) -> Reserved:
    """Hold all pieces of the order or none. Raises OutOfStock and UnknownSku (permanent)."""
    lines = [StockLine(line.sku, line.quantity) for line in order.lines]
    try:
        held = await inventory.reserve(key, lines)
    except OutOfStock as error:
        alert("out-of-stock", "orders", order.order_id, str(error))
        raise
    return Reserved(reservation=held.key, weight_grams=held.weight_grams)


@agent(INVENTORY, settle=Lookup(find_issue))
async def issue_stock(
    _order: Order, reserved: Reserved, _booked: Booked, inventory: Inventory
) -> Issued:
    """The held pieces leave the warehouse with the parcel that is booked."""
    await inventory.issue(reserved.reservation)
    return Issued(reservation=reserved.reservation)
