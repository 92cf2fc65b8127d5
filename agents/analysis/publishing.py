"""Whether a new version of a dataset may replace the last one: not if it loses too many of its rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from agents.analysis.contract import Contract
from agents.analysis.models import Cleaned, Dataset
from agents.analysis.study import Study

SHOWN_RULES = 3
WAY_OUT = "mend the source and run data analysis again, or raise may_lose in the contract if the rows are to go"


def refusals(
    study: Study,
    before: Dataset | None,
    after: Dataset,
    cleaned: Mapping[tuple[str, str], Cleaned],
) -> dict[str, str]:
    """The reasons why `after` may not replace `before`, by the name of the source or partition.

    `cleaned` has the results of this run by source and partition. A source that was never published may
    not begin without a row if some were read.
    """
    found: dict[str, str] = {}
    for contract in (source.contract for source in study.sources):
        own = {name: one for (source, name), one in cleaned.items() if source == contract.name}
        had, have = _rows(before, contract.name), _rows(after, contract.name)
        first = sum(one.rows for one in own.values()) if not (had or any(have.values())) else 0
        changes = {"": (sum(had.values()) or first, sum(have.values()), list(own.values()))}
        if len(have) > 1:
            changes |= {
                f"/{name}": (had.get(name, 0), one.good, [one]) for name, one in own.items()
            }
        found |= {
            contract.name
            + what: f"{_lost(rows, left, contract)}; {broken(concerned, after.folder)}; {WAY_OUT}"
            for what, (rows, left, concerned) in changes.items()
            if _is_too_much(rows, left, contract.may_lose)
        }
    return found


def may_stay(study: Study, before: Dataset | None) -> set[tuple[str, str]]:
    """Source and name of the published parts that stay while their partitions cannot be had."""
    keep = {one.name for one in study.sources if one.contract.collect.missing == "keep"}
    parts = before.parts if before is not None else ()
    return {(part.source, part.name) for part in parts if part.source in keep}


def _rows(dataset: Dataset | None, source: str) -> dict[str, int]:
    parts = dataset.parts if dataset is not None else ()
    return {part.name: part.rows for part in parts if part.source == source}


def _is_too_much(had: int, have: int, may_lose: float) -> bool:
    return may_lose < 1 and had > 0 and (have == 0 or had - have > may_lose * had)


def _lost(had: int, have: int, contract: Contract) -> str:
    return (
        f"{had - have:,} of {had:,} rows would be lost, more than the contract allows "
        f"(may_lose: {contract.may_lose:g})"
    )


def broken(results: Iterable[Cleaned], folder: Path) -> str:
    """The rules that most rows break, and the first file with such rows; `folder` is the study's."""
    rules: Counter[str] = Counter()
    files = []
    for one in results:
        rules.update(one.rules)
        files += [folder / one.quarantine] if one.quarantine else []
    shown = ", ".join(f"{rule} ({count:,} rows)" for rule, count in rules.most_common(SHOWN_RULES))
    return f"broken rules: {shown}, see {files[0]}" if files else "no row breaks a rule"
