"""The report of a run: rows by outcome, the rules that were broken, and what was published."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from agents.analysis.models import Cleaned, Dataset, Partition
from agents.services.files.outcomes import BROKEN
from agents.workflow.exit_status import ExitStatus, problem_of

MAX_RULES = 6
FILE = "report.html"  # in the folder of the study, about its models


class SourceReport(BaseModel):
    """The rows of all partitions of one source; `refused` counts partitions without a clean part.

    `repeated` counts good rows that are not published, because a later partition has their keys.
    """

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
    repeated: int = 0
    repaired: dict[str, int] = {}
    warned: dict[str, int] = {}

    def outcomes(self) -> dict[str, int]:
        """How many rows had each outcome; the most frequent rules by name, the others as one."""
        counts = {"good": self.good - self.repeated}
        counts |= {f"quarantined, {rule}": n for rule, n in _main(self.rules).items()}
        if self.deduplicated:
            counts["duplicates"] = self.deduplicated
        if self.repeated:
            counts["in a later partition too"] = self.repeated
        counts |= {f"value discarded, {rule}": n for rule, n in _main(self.discarded).items()}
        counts |= {f"value repaired, {rule}": n for rule, n in _main(self.repaired).items()}
        counts |= {f"only warned of, {rule}": n for rule, n in _main(self.warned).items()}
        if self.gaps:
            counts["missing times"] = self.gaps
        return counts


class AnalysisReport(BaseModel):
    """The report by source.

    `processed` counts the partitions that this run worked on; `failures` has the reason why a partition,
    candidate or comparison failed, by its name; `stays` is the earlier dataset if no new one is `published`.
    """

    study: str
    sources: list[SourceReport]
    processed: int
    failures: dict[str, str]
    published: str = ""
    stays: str = ""
    seconds: float
    files: list[str] = []

    def headline(self) -> str:
        """Rows, new partitions and seconds in one line."""
        rows = sum(source.rows for source in self.sources)
        changed = f"{self.processed} of {sum(s.partitions for s in self.sources)} partitions"
        return f"{self.study}: {rows:,} rows, {changed} were new, {self.seconds:.1f} s"

    def rows(self) -> list[dict[str, str]]:
        """One table row for each source and outcome."""
        return [
            {"source": source.source, "outcome": outcome, "rows": f"{count:,}"}
            for source in self.sources
            for outcome, count in source.outcomes().items()
        ]

    def notes(self) -> list[str]:
        """What failed and why, what is published, and the files to look at."""
        notes = [f"failed: {name}: {reason}" for name, reason in self.failures.items()]
        if quarantined := sum(source.quarantined for source in self.sources):
            list_them = f"uv run python -m flows.data_analysis quarantine {self.study}"
            notes.append(f"{quarantined:,} rows are quarantined; to list them: {list_them}")
        if self.published:
            notes.append(f"dataset {self.published[:16]} is published")
        else:
            missing = any(source.refused for source in self.sources)
            why = ": every partition must be clean first" if missing else ""
            stays = f"; dataset {self.stays[:16]} of an earlier run stays" if self.stays else ""
            notes.append(f"nothing is published{why}{stays}")
        return notes + self.files

    def status(self) -> int:
        """0 if all is published; else whether a source is cut, empty or rejected as a whole, or 1."""
        if any(f"(rule {rule})" in why for why in self.failures.values() for rule in BROKEN):
            return ExitStatus.CUT_OFF
        rows, good = sum(s.rows for s in self.sources), sum(s.good for s in self.sources)
        if not any(source.refused for source in self.sources) and not good:
            return ExitStatus.ALL_REJECTED if rows else ExitStatus.NOTHING_FOUND
        failed = not self.published or bool(self.failures)
        return ExitStatus.FAILED if failed else ExitStatus.DONE

    def problem(self) -> str:
        """What is wrong with the sources, in one line; empty if nothing is."""
        reasons = [f"{name}: {why}" for name, why in self.failures.items()]
        return problem_of(self.status(), self.study, "rows", "; ".join(reasons)[:500])


def report_of(
    study: str,
    outcomes: Sequence[tuple[Partition, Cleaned | None]],
    dataset: Dataset | None,
    repeated: Mapping[tuple[str, str], int] | None = None,
) -> AnalysisReport:
    """The report of these partitions; the caller adds counts, failures and seconds.

    `repeated` counts good rows by source and partition that a later partition has too.
    """
    sources = {one.source: list[Cleaned | None]() for one, _ in outcomes}
    for partition, cleaned in outcomes:
        sources[partition.source].append(cleaned)
    lost: Counter[str] = Counter()
    for partition, _ in outcomes:
        lost[partition.source] += (repeated or {}).get((partition.source, partition.name), 0)
    return AnalysisReport(
        study=study,
        sources=[_source(name, some, lost[name]) for name, some in sources.items()],
        processed=0,
        failures={},
        published=dataset.digest if dataset else "",
        seconds=0.0,
    )


def _source(name: str, outcomes: Iterable[Cleaned | None], repeated: int) -> SourceReport:
    some = list(outcomes)
    clean = [one for one in some if one is not None]
    rules: Counter[str] = Counter()
    discarded: Counter[str] = Counter()
    repaired: Counter[str] = Counter()
    warned: Counter[str] = Counter()
    for one in clean:
        rules.update(one.rules)
        discarded.update(one.discarded)
        repaired.update(one.repaired)
        warned.update(one.warned)
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
        repeated=repeated,
        repaired=dict(repaired.most_common()),
        warned=dict(warned.most_common()),
    )


def _main(rules: Mapping[str, int]) -> dict[str, int]:
    ordered = sorted(rules.items(), key=lambda rule: (-rule[1], rule[0]))
    main = dict(ordered[:MAX_RULES])
    if len(ordered) > MAX_RULES:
        main["other rules"] = sum(count for _, count in ordered[MAX_RULES:])
    return main
