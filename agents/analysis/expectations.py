"""What a contract expects of the amount of data and of its steadiness, and what becomes of a breach."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow.parquet as pq

from agents.analysis.contract import Bounds, Contract
from agents.analysis.discovery import latest_time
from agents.analysis.models import Cleaned, Dataset
from agents.analysis.published_dependencies import write_differing
from agents.analysis.steady.changes import Change, TooFew, changes_in
from agents.analysis.study import Study
from agents.runtime.clock import clock


class Unexpected(Protocol):
    """What is not as a contract expects, in which source or partition, and what becomes of it."""

    @property
    def where(self) -> str:
        """The source or partition."""

    @property
    def breach(self) -> Literal["refuse", "alert", "note"]:
        """Whether the publication is refused, or there is an alert or a note."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A figure of a source or partition that is outside of its bounds."""

    where: str
    what: str
    found: float
    bounds: Bounds

    @property
    def breach(self) -> Literal["refuse", "alert", "note"]:
        """What becomes of it."""
        return self.bounds.breach

    def __str__(self) -> str:
        low, high = (
            f"{one:,g}" if one is not None else "" for one in (self.bounds.low, self.bounds.high)
        )
        return f"{self.what} is {self.found:,.6g}, expected {low}..{high}"


def breaches(
    study: Study,
    before: Dataset | None,
    after: Dataset,
    cleaned: Mapping[tuple[str, str], Cleaned],
) -> list[Breach]:
    """Every breach by what would be published; `cleaned` has the results by source and partition."""
    return [
        Breach(where, what, found, bounds)
        for contract in (source.contract for source in study.sources)
        for where, what, found in _figures(contract, before, after, cleaned)
        if (bounds := _bounds(contract, what)) is not None and not bounds.allow(found)
    ]


def _bounds(contract: Contract, what: str) -> Bounds | None:
    found: Bounds | None = getattr(contract if what == "differing" else contract.expects, what)
    return found


def changes(study: Study, dataset: Dataset) -> list[Change | TooFew]:
    """What has changed over time in columns that contracts call steady, and which of them have too few days."""
    contracts = [source.contract for source in study.sources]
    return [
        change
        for contract in contracts
        for change in changes_in(contract, dataset.files(contract.name))
    ]


def refused(found: Iterable[Unexpected]) -> dict[str, str]:
    """What refuses the publication, by source or partition."""
    reasons: dict[str, list[str]] = {}
    for one in found:
        if one.breach == "refuse":
            reasons.setdefault(one.where, []).append(str(one))
    return {where: "; ".join(some) for where, some in reasons.items()}


def _figures(
    contract: Contract,
    before: Dataset | None,
    after: Dataset,
    cleaned: Mapping[tuple[str, str], Cleaned],
) -> Iterator[tuple[str, str, float]]:
    """Where, what and how much, of everything that there is a figure of."""
    for (source, name), one in cleaned.items():
        if source == contract.name:
            yield f"{source}/{name}", "rows", one.good
            if one.times:
                yield f"{source}/{name}", "complete", 1 - one.gaps / one.times
    had, have = (_rows(dataset, contract.name) for dataset in (before, after))
    if had:
        yield contract.name, "change", have / had
    if contract.differing is not None:
        yield contract.name, "differing", write_differing(contract, after)
    if contract.time and (files := after.files(contract.name)):
        latest = max(latest_time(pq.read_metadata(file), contract.time) for file in files)
        yield contract.name, "hours_old", (clock().time() - latest.timestamp()) / 3_600


def _rows(dataset: Dataset | None, source: str) -> int:
    parts = dataset.parts if dataset is not None else ()
    return sum(part.rows for part in parts if part.source == source)
