"""Clean: raw bytes become good rows and a quarantine, in a process of its own."""

import hashlib
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning.partition import Outcome, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.models import Cleaned, Collected, Partition
from agents.analysis.quarantine import corrections_of
from agents.analysis.study_store import PART, QUARANTINE, StudyStore
from agents.runtime.errors import Parked
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import CPU


@agent(CPU)
def clean_partition(partition: Partition, collected: Collected) -> Cleaned:
    """Hold every row against the contract; every row is accounted for, or nothing is kept.

    Raises SourceError and ContractBroken, by which the partition is refused, and Parked if what was
    collected is not in this data folder.
    """
    store = StudyStore(partition.study)
    if (known := store.cleaned(partition)) is not None:
        return known
    pages = [store.raw / sha for sha in collected.raw]
    if not all(page.exists() for page in pages):
        raise Parked(
            f"what was collected is not in {store.raw}: approve the item where the data folder of "
            "its run is, or restart it at collect_partition"
        )
    table = read_table(pages, f"partition{collected.form}")
    rows = table.rows
    outcome = clean(table, partition.contract, corrections_of(store, partition))
    return store.keep(partition, lambda folder: _written(partition, rows, outcome, folder))


def _written(partition: Partition, rows: int, outcome: Outcome, folder: Path) -> Cleaned:
    part, store = folder / PART, StudyStore(partition.study)
    frame = outcome.good
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, part, compression="zstd")
    if outcome.quarantine:
        lines = (orjson.dumps(record) + b"\n" for record in outcome.quarantine)
        (folder / QUARANTINE).write_bytes(b"".join(lines))
    quarantine = store.path_of(partition, QUARANTINE)
    return Cleaned(
        rows=rows,
        good=len(frame),
        quarantined=len(outcome.quarantine),
        deduplicated=outcome.deduplicated,
        rules=dict(sorted(outcome.rules.items())),
        discarded=dict(sorted(outcome.discarded.items())),
        unknown=outcome.unknown,
        gaps=outcome.gaps,
        part=store.path_of(partition, PART).relative_to(store.folder).as_posix(),
        sha256=hashlib.sha256(part.read_bytes()).hexdigest(),
        quarantine=quarantine.relative_to(store.folder).as_posix() if outcome.quarantine else "",
    )
