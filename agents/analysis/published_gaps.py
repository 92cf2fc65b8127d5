"""The gaps of a source over all of its published partitions, as a file for people."""

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from agents.analysis.cleaning.series import Times
from agents.analysis.cleaning.spool import TYPES
from agents.analysis.contract import Contract, Gap
from agents.analysis.models import Dataset
from agents.analysis.study import Study
from agents.analysis.study_store import LOST
from agents.runtime.files import write_whole

EVERY = b"every"


def write_gaps(study: Study, dataset: Dataset) -> dict[str, Path]:
    """Write the gaps of each source that has some, one a line, and return the files by source.

    A gap may begin in one partition and end in another. Of its times, those count as quarantined of which the
    quarantine of any partition has a row.
    """
    found: dict[str, Path] = {}
    for contract in (source.contract for source in study.sources):
        path = dataset.folder / f"gaps-{contract.name}.jsonl"
        path.unlink(missing_ok=True)
        if contract.gaps is None or not (files := dataset.files(contract.name)):
            continue
        times = _times(contract, contract.gaps, files)
        lines = [orjson.dumps(one.record()).decode() for one in times.series().absences]
        if lines:
            write_whole(path, "\n".join(lines) + "\n")
            found[contract.name] = path
    return found


def write_lost(times: Times, path: Path) -> bool:
    """Write the times of quarantined rows for `write_gaps`; returns whether there are any."""
    lost = times.lost.frame()
    if lost.empty:
        return False
    table = pa.Table.from_pandas(lost, preserve_index=False)
    pq.write_table(table.replace_schema_metadata({EVERY: _mark(times.gap)}), path)
    return True


def _times(contract: Contract, gap: Gap, files: list[Path]) -> Times:
    times = Times(contract.time, gap)
    columns = list(dict.fromkeys([contract.time, *gap.by]))
    for file in files:
        with pq.ParquetFile(file) as rows:
            for batch in rows.iter_batches(columns=columns):
                times.present.add(batch.to_pandas(types_mapper=TYPES.get))
        if (lost := file.with_name(LOST)).exists():
            table = pq.read_table(lost)
            # A partition that an earlier run has published may have been cleaned by other steps of time.
            if table.schema.metadata.get(EVERY) == _mark(gap):
                times.lost.join(table.to_pandas(types_mapper=TYPES.get))
    return times


def _mark(gap: Gap) -> bytes:
    return gap.model_dump_json().encode()
