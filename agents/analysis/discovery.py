"""Discovery: which partitions a study has right now, without reading their content.

The validator of a partition (size and time of a file, ETag of a URL) shows whether it has changed.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

import pyarrow.parquet as pq

from agents.analysis.collect_partition import SUFFIXES, is_url
from agents.analysis.models import Partition
from agents.analysis.quarantine import corrections_digest
from agents.analysis.study import Source, Study
from agents.analysis.study_store import StudyStore
from agents.runtime import AgentError
from agents.runtime.clock import clock
from agents.services.fetching.fetcher import Fetcher
from agents.workflow.exit_status import NothingFound

WILDCARDS = set("*?[")
SINCE = "{since}"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NothingThere(NothingFound):
    """A location without files."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location

    def __str__(self) -> str:
        return f"{self.location!r}: there is no such file"


class SameName(AgentError):
    """Two files of a source have the same partition name."""

    def __init__(self, source: str, name: str) -> None:
        super().__init__(source, name)
        self.source, self.name = source, name

    def __str__(self) -> str:
        return f"{self.source}: two files would both be partition {self.name!r}: rename one of them"


async def discover_partitions(
    study: Study, fetcher: Fetcher, matching: str = "*"
) -> list[Partition]:
    """Find every partition whose name matches, in the order of the study.

    Raises NothingThere, SameName, and what `Fetcher.validator` raises.
    """
    found: list[Partition] = []
    for source in study.sources:
        locations = await asyncio.to_thread(_expanded, source.locations)
        named = _by_name(study.name, source, locations, matching)
        validators = await asyncio.gather(
            *(_validator(at, fetcher, study.name) for at in named.values())
        )
        store = StudyStore(study.name)
        found += [
            Partition(
                study=study.name,
                source=source.name,
                name=name,
                location=location,
                validator=validator,
                contract=source.contract,
                corrections=corrections_digest(store, source.name, name),
            )
            for (name, location), validator in zip(named.items(), validators, strict=True)
        ]
    return found


def name_of(location: str) -> str:
    """The name of a partition: the file name in lower case without suffixes."""
    path = urlsplit(location).path if is_url(location) else location
    stem = SUFFIXES.sub("", PurePosixPath(path).name.lower())
    return re.sub(r"[^a-z0-9_.-]+", "-", stem).strip("-.")[:63] or "all"


def latest_published(study: str, source: Source) -> datetime:
    """The latest published time of the source less `late_hours`, or 1970 if there is none.

    A row with a time in the future counts as now, so that rows until then are still asked for.
    """
    latest = EPOCH
    if (dataset := StudyStore(study).published()) is not None:
        for file in dataset.files(source.name):
            latest = max(latest, _latest(pq.read_metadata(file), source.contract.time))
    latest = min(latest, datetime.fromtimestamp(clock().time(), UTC))
    late = timedelta(hours=source.contract.late_hours)
    return max(EPOCH, latest - late)


def location_since(location: str, at: datetime) -> tuple[str, str]:
    """The location with that time in it, and the name of its partition."""
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return location.replace(SINCE, quote(text)), f"since-{at:%Y%m%dt%H%M%S}"


def _by_name(study: str, source: Source, locations: Sequence[str], matching: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for template in locations:
        location, name = template, name_of(template)
        if SINCE in template:
            location, name = location_since(template, latest_published(study, source))
        if name in named:
            raise SameName(source.name, name)
        named[name] = location
    return {n: at for n, at in named.items() if PurePosixPath(n).match(matching)}


def _expanded(locations: Sequence[str]) -> list[str]:
    found: list[str] = []
    for location in locations:
        if is_url(location) or not WILDCARDS.intersection(location):
            found.append(location)
            continue
        path = Path(location)
        root = Path(path.anchor) if path.is_absolute() else Path()
        matched = sorted(
            str(one) for one in root.glob(str(path.relative_to(root))) if one.is_file()
        )
        if not matched:
            raise NothingThere(location)
        found += matched
    return found


async def _validator(location: str, fetcher: Fetcher, study: str) -> str:
    if is_url(location):
        return await fetcher.validator(location, study)
    try:
        facts = await asyncio.to_thread(Path(location).stat)
    except (OSError, ValueError):
        raise NothingThere(location) from None
    return f"{facts.st_size}-{facts.st_mtime_ns}"


def _latest(metadata: pq.FileMetaData, time: str) -> datetime:
    """The latest time by the statistics of the file; 1970 if it has none: everything is asked for."""
    found = EPOCH
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for number in range(columns.num_columns):
            column = columns.column(number)
            if column.path_in_schema == time and column.statistics is not None:
                highest = column.statistics.max
                if isinstance(highest, datetime):
                    found = max(found, highest.astimezone(UTC))
    return found
