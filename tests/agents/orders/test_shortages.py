"""Which goods turned orders away."""

import pandas as pd

from agents.orders.shortages import COLUMNS, shortages


def lines(*rows: tuple[str, int, bool]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


def test_the_scarcest_goods_come_first() -> None:
    found = shortages(
        lines(("lamp", 5, False), ("lamp", 1, True), ("rare", 3, True), ("rare", 2, True))
    )
    assert found[["sku", "orders", "pieces", "demand"]].to_dict("records") == [
        {"sku": "rare", "orders": 2, "pieces": 5, "demand": 5},
        {"sku": "lamp", "orders": 1, "pieces": 1, "demand": 6},
    ]


def test_without_refusals_or_orders_there_is_no_shortage() -> None:
    assert shortages(lines(("lamp", 5, False))).empty
    assert shortages(lines()).empty
