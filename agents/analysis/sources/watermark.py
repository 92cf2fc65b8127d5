"""High-water marks: a source is asked for what came since, and a little before, as some data comes late."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pyarrow.parquet as pq

from agents.analysis.sources.study import Source
from agents.analysis.study_store import StudyStore
from agents.runtime.clock import clock

SINCE = "{since}"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def since(study: str, source: Source) -> datetime:
    """The latest time that is published of the source, less what may come late; or the beginning.

    A row from the future moves it to the present at most: what comes until then is asked for.
    """
    latest = BEGINNING
    if (dataset := StudyStore(study).published()) is not None:
        for file in dataset.files(source.name):
            latest = max(latest, _latest(pq.read_metadata(file), source.contract.time))
    latest = min(latest, datetime.fromtimestamp(clock().time(), UTC))
    late = timedelta(hours=source.contract.late_hours)
    return max(BEGINNING, latest - late)


def asked_since(location: str, at: datetime) -> tuple[str, str]:
    """The location with that time in it, and the name of the partition that comes of it."""
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return location.replace(SINCE, quote(text)), f"since-{at:%Y%m%dt%H%M%S}"


def _latest(metadata: pq.FileMetaData, time: str) -> datetime:
    """By the file's own statistics; the beginning if it has none, so that all is asked for again."""
    found = BEGINNING
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for number in range(columns.num_columns):
            column = columns.column(number)
            if column.path_in_schema == time and column.statistics is not None:
                highest = column.statistics.max
                if isinstance(highest, datetime):
                    found = max(found, highest.astimezone(UTC))
    return found
