"""What people do with a study: look at its quarantine, mend rows, take a model back.

`python -m flows.data_analysis` has them as commands.
"""

from itertools import islice
from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.analysis.modelling.registry import Models
from agents.analysis.quarantine import export, mend, turned_away
from agents.analysis.study_store import StudyStore
from flows.cli.parameters import By, Reason
from flows.cli.reports import Listing, shown


@flow(name="quarantine", persist_result=False)
async def quarantine(
    study: str = "flights",
    csv: str | None = None,
    most: Annotated[int, Field(ge=1, le=10_000)] = 50,
) -> Listing:
    """List the rows that a study has turned away, with every rule that each broke.

    Args:
        study: The study's name, as its contract has it.
        csv: File to export all of them to, for a spreadsheet.
        most: At most so many are listed.

    """
    rows = turned_away(study)
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
    lines = [f"mend in a copy of {file}" for file in sorted({str(one.file) for one in found})]
    if csv is not None:
        lines.append(f"{export(study, Path(csv)):,} rows exported to {csv}")
    title = f"{len(found):,} of {count:,} rows"
    return await shown("quarantine", Listing(title=title, table=table, lines=lines))


@flow(name="mend-rows", persist_result=False)
async def mend_rows(file: str, partition: str, source: str, study: str) -> Listing:
    """Take rows of a quarantine file that people have corrected; the next run cleans them anew.

    Args:
        file: Lines of a quarantine file, each "row" as it should be.
        partition: The partition's name.
        source: The source's name.
        study: The study's name.

    """
    count = mend(StudyStore(study), source, partition, Path(file))
    title = f"{count} rows of {source}/{partition} are mended: run data analysis again"
    return Listing(title=title)


@flow(name="roll-back-model", persist_result=False)
async def roll_back_model(study: str, by: By, reason: Reason) -> Listing:
    """Make the champion of before the champion again.

    Args:
        study: The study's name.
        by: Who you are.
        reason: Why.

    """
    change = Models(StudyStore(study).folder).roll_back(by, reason)
    return Listing(title=f"{study}: {change.version[:8]} is champion again")
