"""Shortages: an analysis that is started when goods run out, by an automation, or by hand.

`python -m flows.operations` has it as a command.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.orders import shortages as analysis
from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from flows.cli.reports import Listing, shown

DAY = 86_400.0


@flow(name="shortages", persist_result=False)
async def shortages(
    days: Annotated[float, Field(gt=0, le=80)] = 7.0,
    most: Annotated[int, Field(ge=1, le=1_000)] = 50,
) -> Listing:
    """Find which goods turned orders away, and how much of them was wanted.

    Args:
        days: Orders accepted since then.
        most: At most so many goods, the scarcest first.

    """
    async with open_runtime(settings()) as opened:
        lines = await analysis.order_lines(opened.journal, days * DAY)
    found = analysis.shortages(lines)
    table = [
        {
            "sku": str(row.sku),
            "orders refused": f"{row.orders:,}",
            "pieces refused": f"{row.pieces:,}",
            "of all wanted": f"{row.share:.0%}",
        }
        for row in found.head(most).itertuples()
    ]
    title = f"{len(found):,} goods stood in orders that were refused for want of stock"
    return await shown("shortages", Listing(title=title, table=table))
