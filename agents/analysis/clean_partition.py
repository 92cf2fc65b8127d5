"""Clean: raw bytes become good rows and a quarantine, in a separate process."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from agents.analysis.cleaning.partition import Cleaning
from agents.analysis.cleaning.reading import Table, read_tables
from agents.analysis.cleaning.results import Results
from agents.analysis.cleaning.spool import Spool
from agents.analysis.collecting.folders import with_folders
from agents.analysis.models import Cleaned, Collected, Partition
from agents.analysis.published_gaps import write_lost
from agents.analysis.quarantine import corrections_of
from agents.analysis.study_store import ABSENT, LOG, LOST, PART, QUARANTINE, StudyStore
from agents.runtime import CPU, Parked, agent


@agent(CPU, version="1.3")
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
    return store.keep(partition, lambda folder: _cleaned(partition, pages, collected.form, folder))


def _cleaned(partition: Partition, pages: Sequence[Path], form: str, folder: Path) -> Cleaned:
    """Write the results chunk by chunk into the folder."""
    store, contract = StudyStore(partition.study), partition.contract

    def tables() -> Iterator[Table]:
        for table in read_tables(pages, f"partition{form}", contract):
            yield with_folders(table, partition.folders)

    cleaning = Cleaning(contract, corrections_of(store, partition))
    with Spool(folder) as spool, Results(folder) as results:
        for result in cleaning.results(tables, spool):
            results.add(result, cleaning.unknown if contract.unknown == "evolve" else ())
    series = cleaning.series
    absences = series.absences if series else []
    if absences:
        lines = (orjson.dumps(one.record()) + b"\n" for one in absences)
        (folder / ABSENT).write_bytes(b"".join(lines))
    if cleaning.times is not None:
        write_lost(cleaning.times, folder / LOST)

    def inside(name: str) -> str:
        path = store.path_of(partition, name).relative_to(store.folder).as_posix()
        return path if (folder / name).exists() else ""

    return Cleaned(
        rows=cleaning.rows,
        good=results.good,
        quarantined=results.quarantined,
        deduplicated=results.deduplicated,
        rules=dict(sorted(results.rules.items())),
        discarded=dict(sorted(results.discarded.items())),
        unknown=cleaning.unknown,
        gaps=series.missing if series else 0,
        times=series.expected if series else 0,
        repaired=dict(sorted(results.repaired.items())),
        warned=dict(sorted(results.warned.items())),
        part=inside(PART),
        sha256=results.sha256(),
        quarantine=inside(QUARANTINE),
        absent=inside(ABSENT),
        log=inside(LOG),
    )
