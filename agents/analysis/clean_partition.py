"""Clean: raw bytes become good rows and a quarantine, in a separate process."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning.partition import CleanResult, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.collecting.folders import with_folders
from agents.analysis.models import Cleaned, Collected, Partition
from agents.analysis.quarantine import corrections_of
from agents.analysis.study_store import ABSENT, LOG, PART, QUARANTINE, StudyStore
from agents.runtime import CPU, Parked, agent


@agent(CPU, version="1.2")
def clean_partition(partition: Partition, collected: Collected) -> Cleaned:
    """Check every row by the contract; the result accounts for every row, or nothing is kept.

    Raises SourceError and ContractBroken, which refuse the partition, and Parked if the collected
    bytes are not in this data folder.
    """
    store = StudyStore(partition.study)
    if (known := store.cleaned(partition)) is not None:
        return known
    pages = [store.raw / sha for sha in collected.raw]
    if not all(page.exists() for page in pages):
        raise Parked(
            f"the collected bytes are not in {store.raw}: approve the item where the data folder of "
            "its run is, or restart it at collect_partition"
        )
    table = read_table(pages, f"partition{collected.form}", partition.contract)
    table = with_folders(table, partition.folders)
    rows = table.rows
    result = clean(table, partition.contract, corrections_of(store, partition))
    return store.keep(partition, lambda folder: _written(partition, rows, result, folder))


def _written(partition: Partition, rows: int, result: CleanResult, folder: Path) -> Cleaned:
    part, store = folder / PART, StudyStore(partition.study)
    frame = result.good
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, part, compression="zstd")
    if result.quarantine:
        _write_lines(folder / QUARANTINE, result.quarantine)
    absences = result.series.absences if result.series else []
    if absences:
        _write_lines(folder / ABSENT, (one.record() for one in absences))
    if len(result.log):
        pq.write_table(result.log, folder / LOG, compression="zstd")

    def inside(name: str) -> str:
        return store.path_of(partition, name).relative_to(store.folder).as_posix()

    return Cleaned(
        rows=rows,
        good=len(frame),
        quarantined=len(result.quarantine),
        deduplicated=result.deduplicated,
        rules=dict(sorted(result.rules.items())),
        discarded=dict(sorted(result.discarded.items())),
        unknown=result.unknown,
        gaps=result.series.missing if result.series else 0,
        times=result.series.expected if result.series else 0,
        repaired=dict(sorted(result.repaired.items())),
        warned=dict(sorted(result.warned.items())),
        part=inside(PART),
        sha256=hashlib.sha256(part.read_bytes()).hexdigest(),
        quarantine=inside(QUARANTINE) if result.quarantine else "",
        absent=inside(ABSENT) if absences else "",
        log=inside(LOG) if len(result.log) else "",
    )


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
