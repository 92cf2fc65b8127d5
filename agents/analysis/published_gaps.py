"""The gaps of a source over all of its published partitions, as a file for people."""

from pathlib import Path

import orjson
import pandas as pd

from agents.analysis.cleaning.series import gaps_in
from agents.analysis.models import Dataset
from agents.analysis.study import Study
from agents.runtime.files import write_whole


def write_gaps(study: Study, dataset: Dataset) -> dict[str, Path]:
    """Write the gaps of each source that has some, one a line, and return the files by source.

    A gap may begin in one partition and end in another.
    """
    found: dict[str, Path] = {}
    for contract in (source.contract for source in study.sources):
        path = dataset.folder / f"gaps-{contract.name}.jsonl"
        path.unlink(missing_ok=True)
        if contract.gaps is None or not (files := dataset.files(contract.name)):
            continue
        columns = list(dict.fromkeys([contract.time, *contract.gaps.by]))
        rows = pd.concat([pd.read_parquet(file, columns=columns) for file in files])
        lines = [
            orjson.dumps(one.record()).decode()
            for one in gaps_in(rows, contract.time, contract.gaps).absences
        ]
        if lines:
            write_whole(path, "\n".join(lines) + "\n")
            found[contract.name] = path
    return found
