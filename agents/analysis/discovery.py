"""Discovery: which partitions a study has right now, without reading their content.

The validator of a partition (size and time of a file, ETag of a URL) shows whether it has changed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pyarrow.parquet as pq

from agents.analysis.collecting import object_stores
from agents.analysis.collecting.forms import is_url, scheme_of
from agents.analysis.collecting.gathering import Gathering
from agents.analysis.collecting.names import WILDCARDS, Place, folders_of, named
from agents.analysis.contract import Contract
from agents.analysis.models import Partition
from agents.analysis.quarantine import corrections_digest
from agents.analysis.study import Source, Study
from agents.analysis.study_store import StudyStore
from agents.runtime import AgentError
from agents.runtime.clock import clock
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher
from agents.workflow.exit_status import NothingFound

AT_ONCE = 64  # partitions of a source that are looked at
SINCE = "{since}"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NothingThere(NothingFound):
    """A location without files."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location

    def __str__(self) -> str:
        return f"{self.location!r}: there is no such file"


@dataclass(slots=True)
class Found:
    """The partitions of a study, in its order; `unreached` has the reason why one cannot be had now, by name."""

    partitions: list[Partition] = field(default_factory=list)
    unreached: dict[str, str] = field(default_factory=dict)


async def discover_partitions(study: Study, fetcher: Fetcher, matching: str = "*") -> Found:
    """Find every partition whose name matches.

    A location that cannot be had does not keep the others from being found; if there is none but such, its
    error is raised: NothingThere, or what `Gathering.validator` raises.
    """
    found, errors = Found(), list[AgentError]()
    for source in study.sources:
        places = await asyncio.to_thread(_places, study.name, source, errors, found.unreached)
        some = {n: at for n, at in named(places).items() if PurePosixPath(n).match(matching)}
        gathering = Gathering(source.contract, study.name, fetcher)
        turns = asyncio.Semaphore(AT_ONCE)
        looks = [_validator(gathering, place, turns) for place in some.values()]
        for (name, place), seen in zip(some.items(), await asyncio.gather(*looks), strict=True):
            if isinstance(seen, AgentError):
                errors.append(seen)
                found.unreached[f"{source.name}/{name}"] = str(seen)
            else:
                found.partitions.append(_partition(study, source, name, place, seen))
    if errors and not found.partitions:
        raise errors[0]
    return found


def _partition(study: Study, source: Source, name: str, place: Place, validator: str) -> Partition:
    return Partition(
        study=study.name,
        source=source.name,
        name=name,
        location=place.location,
        validator=validator,
        contract=source.contract,
        corrections=corrections_digest(StudyStore(study.name), source.name, name),
        folders=_declared(folders_of(place.location), source.contract),
    )


def _declared(folders: dict[str, str], contract: Contract) -> dict[str, str]:
    return {name: value for name, value in folders.items() if name in contract.columns}


async def _validator(
    gathering: Gathering, place: Place, turns: asyncio.Semaphore
) -> str | AgentError:
    async with turns:
        try:
            return await gathering.validator(place.location)
        except OSError:
            return NothingThere(place.location)
        except AgentError as error:
            return error


def latest_published(study: str, source: Source) -> datetime:
    """The latest published time of the source less `late_hours`, or 1970 if there is none.

    A row with a time in the future counts as now, so that rows until then are still asked for.
    """
    latest = EPOCH
    if (dataset := StudyStore(study).published()) is not None:
        for file in dataset.files(source.name):
            latest = max(latest, latest_time(pq.read_metadata(file), source.contract.time))
    latest = min(latest, datetime.fromtimestamp(clock().time(), UTC))
    late = timedelta(hours=source.contract.late_hours)
    return max(EPOCH, latest - late)


def location_since(location: str, at: datetime) -> tuple[str, str]:
    """The location with that time in it, and the name of its partition."""
    text = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return location.replace(SINCE, quote(text)), f"since-{at:%Y%m%dt%H%M%S}"


def _places(
    study: str, source: Source, errors: list[AgentError], unreached: dict[str, str]
) -> list[Place]:
    """Where the source is now; a pattern without files is an error of its own."""
    places: list[Place] = []
    for template in source.locations:
        try:
            places += _expanded(study, source, template)
        except AgentError as error:
            errors.append(error)
            unreached[f"{source.name}/{template}"] = str(error)
    return places


def _expanded(study: str, source: Source, template: str) -> Iterator[Place]:
    if SINCE in template:
        location, name = location_since(template, latest_published(study, source))
        yield Place(location, template, name)
    elif not WILDCARDS.intersection(template):
        yield Place(template, "")
    elif scheme_of(template) in object_stores.SCHEMES:
        yield from _places_of(template, object_stores.matching(template, study, settings()))
    elif is_url(template):
        yield Place(template, "")
    else:
        path = Path(template)
        root = Path(path.anchor) if path.is_absolute() else Path()
        found = root.glob(str(path.relative_to(root)))
        yield from _places_of(template, sorted(str(one) for one in found if one.is_file()))


def _places_of(template: str, locations: Sequence[str]) -> Iterator[Place]:
    if not locations:
        raise NothingThere(template)
    for location in locations:
        yield Place(location, template)


def latest_time(metadata: pq.FileMetaData, time: str) -> datetime:
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
