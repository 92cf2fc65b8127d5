"""Operations on a study: list its quarantined rows, mend rows, roll back a model.

`python -m flows.data_analysis` has them as commands.
"""

from itertools import islice
from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.analysis.modelling.registry import Models
from agents.analysis.quarantine import export, mend, quarantined_rows
from agents.analysis.study_store import StudyStore
from flows.cli.parameters import By, Reason
from flows.cli.reports import Listing, shown


@flow(name="quarantine", persist_result=False)
async def quarantine(
    study: str = "flights",
    csv: str | None = None,
    most: Annotated[int, Field(ge=1, le=10_000)] = 50,
) -> Listing:
    """List the quarantined rows of a study, with every rule that each row broke.

    For example: quarantine shop-sales --csv quarantined.csv

    Args:
        study: Name of the study, which is the name in its contract, such as shop-sales.
        csv: File to write all of the rows to, for a spreadsheet, such as quarantined.csv.
        most: How many rows are listed at most, such as 50.

    """
    rows = quarantined_rows(study)
    found = list(islice(rows, most))
    count = len(found) + sum(1 for _ in rows)
    table = [
        {
            "partition": f"{one.source}/{one.partition}",
            "line": str(one.record["line"]),
            "rules": one.rules,
            "row": one.cells[:200],
        }
        for one in found
    ]
    lines = [f"correct rows in a copy of {file}" for file in sorted({str(f.file) for f in found})]
    if csv is not None:
        lines.append(f"{export(study, Path(csv)):,} rows exported to {csv}")
    title = f"{len(found):,} of {count:,} rows"
    return await shown("quarantine", Listing(title=title, table=table, lines=lines))


@flow(name="mend-rows", persist_result=False)
async def mend_rows(file: str, partition: str, source: str, study: str) -> Listing:
    """Use corrected rows in place of quarantined ones; the next run cleans the partition again.

    For example: mend corrected.jsonl --partition may --source shop-sales --study shop-sales

    Args:
        file: Lines of a quarantine file with each "row" corrected, such as corrected.jsonl.
        partition: Name of the partition, such as may.
        source: Name of the source, such as shop-sales.
        study: Name of the study, such as shop-sales.

    """
    count = mend(StudyStore(study), source, partition, Path(file))
    title = f"{count} rows of {source}/{partition} are mended: run data analysis again"
    return Listing(title=title)


@flow(name="roll-back-model", persist_result=False)
async def roll_back_model(study: str, by: By, reason: Reason) -> Listing:
    """Make the previous champion the champion again; the present one never becomes champion again.

    For example: roll-back shop-sales --by ann --reason 'too many complaints'

    Args:
        study: Name of the study, such as shop-sales.
        by: Your name, such as ann.
        reason: Why, such as 'too many complaints'.

    """
    change = Models(StudyStore(study).folder).roll_back(by, reason)
    return Listing(title=f"{study}: {change.version[:8]} is champion again")
