"""What a run of data analysis did: rows by fate, the rules that were broken, and what it published."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from agents.analysis.models import Cleaned, Dataset, Partition

MAIN_RULES = 6


class SourceReport(BaseModel):
    """One source's rows, all partitions together; `refused` counts partitions that gave none."""

    source: str
    partitions: int
    refused: int
    rows: int
    good: int
    quarantined: int
    deduplicated: int
    rules: dict[str, int]
    discarded: dict[str, int]
    gaps: int

    def fates(self) -> dict[str, int]:
        """What became of the rows in words, the commonest rules first, the others together."""
        told = {"good": self.good}
        told |= {f"quarantined, {rule}": n for rule, n in _main(self.rules).items()}
        if self.deduplicated:
            told["duplicates"] = self.deduplicated
        told |= {f"value discarded, {rule}": n for rule, n in _main(self.discarded).items()}
        if self.gaps:
            told["missing times"] = self.gaps
        return told


class AnalysisReport(BaseModel):
    """By source; `touched` counts partitions that this run worked on, `refused` are causes by name."""

    study: str
    sources: list[SourceReport]
    touched: int
    refused: dict[str, str]
    published: str = ""
    seconds: float
    files: list[str] = []

    def headline(self) -> str:
        """Rows, time and pace in one line."""
        rows = sum(source.rows for source in self.sources)
        changed = f"{self.touched} of {sum(s.partitions for s in self.sources)} partitions"
        return f"{self.study}: {rows:,} rows, {changed} were new, {self.seconds:.1f} s"

    def rows(self) -> list[dict[str, str]]:
        """One row a source and fate; what came in is good, quarantined by a rule or a duplicate."""
        return [
            {"source": source.source, "fate": fate, "rows": f"{count:,}"}
            for source in self.sources
            for fate, count in source.fates().items()
        ]

    def notes(self) -> list[str]:
        """What was refused, what is published, and where to look next."""
        told = [f"refused: {name}: {why}" for name, why in self.refused.items()]
        if self.published:
            told.append(f"dataset {self.published[:16]} is published")
        else:
            told.append("nothing is published: every partition must be clean first")
        return told + self.files

    def status(self) -> int:
        """1 if anything was refused."""
        return int(not self.published or bool(self.refused))


def report_of(
    study: str,
    outcomes: Sequence[tuple[Partition, Cleaned | None]],
    dataset: Dataset | None,
) -> AnalysisReport:
    """The report of these partitions; time and pace are the caller's."""
    sources = {one.source: list[Cleaned | None]() for one, _ in outcomes}
    for partition, cleaned in outcomes:
        sources[partition.source].append(cleaned)
    return AnalysisReport(
        study=study,
        sources=[_source(name, some) for name, some in sources.items()],
        touched=0,
        refused={},
        published=dataset.digest if dataset else "",
        seconds=0.0,
    )


def _source(name: str, outcomes: Iterable[Cleaned | None]) -> SourceReport:
    some = list(outcomes)
    clean = [one for one in some if one is not None]
    rules: Counter[str] = Counter()
    discarded: Counter[str] = Counter()
    for one in clean:
        rules.update(one.rules)
        discarded.update(one.discarded)
    return SourceReport(
        source=name,
        partitions=len(some),
        refused=len(some) - len(clean),
        rows=sum(one.rows for one in clean),
        good=sum(one.good for one in clean),
        quarantined=sum(one.quarantined for one in clean),
        deduplicated=sum(one.deduplicated for one in clean),
        rules=dict(rules.most_common()),
        discarded=dict(discarded.most_common()),
        gaps=sum(one.gaps for one in clean),
    )


def _main(rules: Mapping[str, int]) -> dict[str, int]:
    most = sorted(rules.items(), key=lambda rule: (-rule[1], rule[0]))
    told = dict(most[:MAIN_RULES])
    if len(most) > MAIN_RULES:
        told["other rules"] = sum(count for _, count in most[MAIN_RULES:])
    return told
