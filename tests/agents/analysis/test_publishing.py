"""A version that loses all rows, or more than the contract allows, does not replace the last one."""

from pathlib import Path

import pytest

from agents.analysis.contract import Contract
from agents.analysis.models import Cleaned, Dataset, Part
from agents.analysis.publishing import refusals
from agents.analysis.study import Source, Study


def study(may_lose: float | None = None) -> Study:
    declared = {} if may_lose is None else {"may_lose": may_lose}
    contract = Contract.model_validate(
        {"name": "x", "time": "at", "columns": {"at": {"type": "time"}}} | declared
    )
    return Study(name="x", sources=(Source(contract=contract, locations=("*.csv",)),))


def dataset(*rows: int) -> Dataset:
    parts = [
        Part(source="x", name=f"p{number}", file=f"{number}", rows=count, sha256="0" * 64)
        for number, count in enumerate(rows)
    ]
    return Dataset(study="x", folder=Path(), parts=tuple(parts))


def result(rows: int, good: int) -> Cleaned:
    bad = rows - good
    return Cleaned(
        rows=rows, good=good, quarantined=bad, deduplicated=0, rules={"ragged": bad} if bad else {},
        discarded={}, part="p", sha256="0" * 64, quarantine="q/quarantine.jsonl" if bad else "",
    )  # fmt: skip


@pytest.mark.parametrize(
    "may_lose,before,after,refused",
    [
        (None, (100,), (50,), set()),
        (None, (100,), (49,), {"x"}),
        (None, (100,), (0,), {"x"}),
        (0.1, (100,), (89,), {"x"}),
        (0.0, (100,), (99,), {"x"}),
        (0.0, (100,), (100,), set()),
        (0.99, (100,), (0,), {"x"}),
        (1.0, (100,), (0,), set()),
        (None, (100, 900), (0, 900), {"x/p0"}),
        (None, (400, 600), (400,), {"x"}),
        (None, None, (0,), {"x"}),
        (None, None, (1,), set()),
        (1.0, None, (0,), set()),
    ],
)
def test_what_is_refused(
    may_lose: float | None,
    before: tuple[int, ...] | None,
    after: tuple[int, ...],
    refused: set[str],
) -> None:
    cleaned = {("x", f"p{number}"): result(100, good) for number, good in enumerate(after)}
    cleaned = {key: one if one.good < 900 else result(900, 900) for key, one in cleaned.items()}
    last = dataset(*before) if before is not None else None
    assert refusals(study(may_lose), last, dataset(*after), cleaned).keys() == refused


def test_the_reason_says_what_is_lost_and_what_to_do() -> None:
    cleaned = {("x", "p0"): result(3_000, 0)}
    reason = refusals(study(), dataset(3_000), dataset(0), cleaned)["x"]
    assert reason == (
        "3,000 of 3,000 rows would be lost, more than the contract allows (may_lose: 0.5); broken rules: "
        "ragged (3,000 rows), see q/quarantine.jsonl; mend the source and run data analysis again, or raise "
        "may_lose in the contract if the rows are to go"
    )


def test_a_source_without_any_row_may_be_published_at_first() -> None:
    assert not refusals(study(), None, dataset(0), {("x", "p0"): result(0, 0)})
