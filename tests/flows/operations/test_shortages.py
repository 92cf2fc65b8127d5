"""Goods that ran out are found in the journal, by the orders that were refused for them."""

from flows.operations.shortages import shortages
from tests.flows.shop import Shop


async def test_goods_missing_in_refused_orders_are_listed(shop: Shop) -> None:
    await shop.process([*shop.orders(3), shop.order(3, "rare", quantity=4)])
    listing = await shortages.fn()
    ours = [row for row in listing.table if row["sku"].startswith(shop.name)]
    assert ours == [
        {
            "sku": shop.sku("rare"),
            "orders refused": "1",
            "pieces refused": "4",
            "of all ordered": "100%",
        }
    ]
