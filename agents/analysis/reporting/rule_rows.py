"""The rules of a source with how many rows break each, where and when, and examples from the quarantine."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
from pydantic import BaseModel

from agents.analysis.cleaning.values import plain_numbers, typed
from agents.analysis.contract import Contract
from agents.analysis.modelling.features import grouped_by
from agents.analysis.report import SourceReport
from agents.analysis.study_store import QUARANTINE

EXAMPLES, LOOKED_AT, LONGEST = 3, 2_000, 40  # of a rule; rows of a quarantine; characters of a cell
MOSTLY = 0.8  # share of the rows of a rule that are of one group


class RuleRow(BaseModel, frozen=True):
    """One rule: how many rows or values break it, their share, where and when, and what some of them have."""

    rule: str
    broken: int
    share: str
    effect: str
    examples: str
    where: str = ""


def rule_rows(
    contract: Contract, source: SourceReport, parts: Iterable[Path]
) -> tuple[list[RuleRow], int]:
    """The rules that are broken, those of most rows first, and the number of the others.

    `parts` are the published files of the source, beside which their quarantines are.
    """
    examples, rows = _examples(parts)
    broken = [
        RuleRow(
            rule=rule,
            broken=count,
            share=_share(count, source.rows),
            effect=effect,
            examples="; ".join(examples.get(rule, [])),
            where=_where(contract, rows.get(rule, [])),
        )
        for effect, rules in (
            ("row quarantined", source.rules),
            ("value discarded", source.discarded),
            ("only warned of", source.warned),
        )
        for rule, count in sorted(rules.items(), key=lambda one: (-one[1], one[0]))
    ]
    passed = set(_declared(contract)) - {row.rule for row in broken}
    return broken, len(passed)


def _declared(contract: Contract) -> Iterator[str]:
    """The names of the rules that a contract declares, as the quarantine has them."""
    for name, column in contract.columns.items():
        yield f"{name}: type"
        rules = {
            "missing": column.required,
            "range": column.low is not None or column.high is not None,
            "allowed": bool(column.one_of),
            "pattern": bool(column.pattern),
            "outlier": column.outliers is not None,
        }
        yield from (f"{name}: {rule}" for rule, is_declared in rules.items() if is_declared)
    yield from (check.rule for check in contract.conditions)
    yield from ("key: other values" for _ in contract.key[:1])
    if contract.in_order:
        yield f"{contract.time}: out of order"


def _share(count: int, rows: int) -> str:
    share = count / rows if rows else 0.0
    return f"{share:.1%}" if share >= 0.001 or not share else "under 0.1%"


def _where(contract: Contract, rows: Iterable[Mapping[str, Any]]) -> str:
    """The group that most of these rows are of, and their first and last time."""
    table = pd.DataFrame(list(rows), dtype="object")
    said = []
    for name in grouped_by(contract):
        groups = table[name].value_counts(normalize=True) if name in table else pd.Series()
        if len(groups) and groups.iloc[0] >= MOSTLY:
            word = "all" if groups.iloc[0] == 1 else "mostly"
            said.append(f"{word} {name} {str(groups.index[0])[:LONGEST]}")
    if contract.time and contract.time in table:
        column = contract.columns[contract.time]
        times = typed(plain_numbers(table[contract.time].astype("string"), column), column).dropna()
        if len(times):
            first, last = times.min().tz_convert(column.zone), times.max().tz_convert(column.zone)
            said.append(
                f"{first:%Y-%m-%d %H:%M}" + (f" to {last:%Y-%m-%d %H:%M}" if first < last else "")
            )
    return ", ".join(said)


def _examples(
    parts: Iterable[Path],
) -> tuple[Mapping[str, list[str]], Mapping[str, list[dict[str, Any]]]]:
    """By rule, some cells that break it, and the rows."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for part in parts:
        quarantine = part.parent / QUARANTINE
        if not quarantine.exists():
            continue
        with quarantine.open("rb") as lines:
            for record in map(orjson.loads, islice(lines, LOOKED_AT)):
                for reason in record["reasons"]:
                    column, rule = reason["column"], reason["rule"]
                    name = f"{column}: {rule}" if column else rule
                    rows[name].append(record.get("row", {}))
                    if len(found[name]) < EXAMPLES:
                        found[name].append(f"line {record['line']}: {reason['found'][:LONGEST]!r}")
    return found, rows
