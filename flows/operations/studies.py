"""Operations on a study: list its quarantined rows, mend rows, promote or roll back a model.

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


@flow(name="quarantine", flow_run_name="quarantine of {study}", persist_result=False)
async def quarantine(
    study: str = "flights",
    csv: str | None = None,
    most: Annotated[int, Field(ge=1, le=10_000)] = 50,
) -> Listing:
    """List the quarantined rows of a study, each with every rule that it breaks.

    Example: `uv run python -m flows.data_analysis quarantine flights --csv quarantine.csv`

    Args:
        study: Name of the study, as its contract gives it.
        csv: CSV file for all quarantined rows, safe to open in a spreadsheet.
        most: Rows to list at most, 1 to 10,000.

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


@flow(name="mend-rows", flow_run_name="mend rows of {study}", persist_result=False)
async def mend_rows(file: str, partition: str, source: str, study: str) -> Listing:
    """Accept corrected rows of a quarantine file; the next run cleans their partition again.

    Example: `uv run python -m flows.data_analysis mend rows.jsonl --study flights --source flights --partition 2013-01`

    Args:
        file: Lines copied from a quarantine file, with "row" corrected in each.
        partition: Name of the partition that the rows belong to.
        source: Name of the source that the partition belongs to.
        study: Name of the study, as its contract gives it.

    """
    count = mend(StudyStore(study), source, partition, Path(file))
    title = f"{count} rows of {source}/{partition} are mended: run data analysis again"
    return Listing(title=title)


@flow(name="promote-model", flow_run_name="promote the model of {study}", persist_result=False)
async def promote_model(study: str, by: By, reason: Reason) -> Listing:
    """Make the challenger of a study its champion, where the gate left the decision to a person.

    Example: `uv run python -m flows.data_analysis promote flights --by ann --reason "the column is known a day before"`

    Args:
        study: Name of the study, as its contract gives it.
        by: Your name, kept with the change.
        reason: Why you promote it, kept with the change.

    """
    change = Models(StudyStore(study).folder).promote(by, reason)
    return Listing(title=f"{study}: {change.version[:8]} is champion")


@flow(name="roll-back-model", flow_run_name="roll back the model of {study}", persist_result=False)
async def roll_back_model(study: str, by: By, reason: Reason) -> Listing:
    """Make the previous champion model of a study the champion again.

    Example: `uv run python -m flows.data_analysis roll-back flights --by ann --reason "wrong in the new region"`

    Args:
        study: Name of the study, as its contract gives it.
        by: Your name, kept with the change.
        reason: Why you roll back, kept with the change.

    """
    change = Models(StudyStore(study).folder).roll_back(by, reason)
    return Listing(title=f"{study}: {change.version[:8]} is champion again")
