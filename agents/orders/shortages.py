"""Shortages: for which goods orders were refused, and how much of them was wanted, from the journal."""

import orjson
import pandas as pd
from sqlalchemy import select

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.schema import items

COLUMNS = ("sku", "quantity", "refused")
OUT_OF_STOCK = '%"OutOfStock"%'  # as the journal keeps the failure of a refused order


async def order_lines(journal: Journal, seconds: float) -> pd.DataFrame:
    """Every line of the orders accepted in the last `seconds`: sku, quantity, refused."""
    refused = items.c.failure.is_not(None) & items.c.failure.like(OUT_OF_STOCK)
    query = (
        select(items.c.body, refused.label("refused"))
        .where(items.c.scenario == "orders", items.c.accepted_at > now() - seconds)
        .where(items.c.body != "")
    )
    async with journal.database.read() as connection:
        rows = (await connection.execute(query)).all()
    lines = [
        (line["sku"], line["quantity"], bool(row.refused))
        for row in rows
        for line in orjson.loads(row.body)["lines"]
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))


def shortages(lines: pd.DataFrame) -> pd.DataFrame:
    """What refused orders wanted, by SKU: `orders` refused, `pieces` in them, `demand` of all orders.

    An order is refused as a whole, so it may list goods that were in stock beside those that were
    not. The larger the refused share of a SKU's demand, the more likely that SKU was missing.
    """
    demand = lines.groupby("sku")["quantity"].sum().rename("demand")
    refused = (
        lines[lines["refused"].astype(bool)]
        .groupby("sku")["quantity"]
        .agg(orders="count", pieces="sum")
    )
    table = refused.join(demand).reset_index()
    table["share"] = table["pieces"] / table["demand"]
    ranked: pd.DataFrame = table.sort_values(
        ["share", "pieces", "sku"], ascending=[False, False, True]
    )
    return ranked
