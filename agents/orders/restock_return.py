"""Goods that came back are put on sale again: those that were agreed on and have arrived, once.

Nothing undoes it, since the goods are in the warehouse whatever becomes of their money.
"""

from collections import Counter

from agents.orders.models import Restocked, ReturnDue
from agents.orders.reserve_stock import INVENTORY
from agents.orders.returns import ArrivedGoods
from agents.runtime import Decision, EffectKey, Lookup, Parked, PermanentError, agent
from agents.services.inventory.protocol import Inventory, StockLine


async def find_restocked(
    _arrived: ArrivedGoods, due: ReturnDue, key: EffectKey, inventory: Inventory
) -> Restocked | None:
    """Whether the warehouse has put the pieces on sale under the key."""
    found = await inventory.find_taken_back(key)
    return Restocked(pieces=due.pieces) if found is not None else None


@agent(INVENTORY, settle=Lookup(find_restocked))
async def restock_return(
    _arrived: ArrivedGoods,
    due: ReturnDue,
    key: EffectKey,
    decision: Decision | None,
    inventory: Inventory,
) -> Restocked:
    """Put the pieces that came back on sale. Raises Parked if the warehouse refuses them.

    A person who approves has put them where they belong.
    """
    if decision is not None:
        return Restocked(pieces=())
    lines = [StockLine(sku, number) for sku, number in Counter(due.pieces).items()]
    try:
        await inventory.take_back(key, lines)
    except PermanentError as error:
        what = f"order {due.order}: {error}"
        raise Parked(f"{what}; approve once its pieces are in stock or written off") from error
    return Restocked(pieces=due.pieces)
