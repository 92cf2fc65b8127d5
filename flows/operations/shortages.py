"""Shortages: which goods are missing. An automation starts it when goods run out; it runs by hand too.

`python -m flows.operations` has it as a command.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.settings import settings
from flows.cli.reports import Listing, shown

DAY = 86_400.0


@flow(name="shortages", flow_run_name="shortages of {days} days", persist_result=False)
async def shortages(
    days: Annotated[float, Field(gt=0, le=80)] = 7.0,
    most: Annotated[int, Field(ge=1, le=1_000)] = 50,
) -> Listing:
    """List the goods for which orders were refused because stock was missing.

    Example: `uv run python -m flows.operations shortages --days 30`

    Args:
        days: Orders accepted in the last this many days count, at most 80.
        most: Rows to list at most, the scarcest goods first.

    """
    from agents.orders import shortages as analysis  # noqa: PLC0415 - pandas is for this command alone

    async with open_runtime(settings()) as opened:
        lines = await analysis.order_lines(opened.journal, days * DAY)
    found = analysis.shortages(lines)
    table = [
        {
            "sku": str(row.sku),
            "orders refused": f"{row.orders:,}",
            "pieces refused": f"{row.pieces:,}",
            "of all ordered": f"{row.share:.0%}",
        }
        for row in found.head(most).itertuples()
    ]
    title = f"{len(found):,} goods were missing in refused orders"
    return await shown("shortages", Listing(title=title, table=table))
