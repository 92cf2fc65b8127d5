"""The CSV file of goods for the sandbox's warehouse."""

import csv
from pathlib import Path
from typing import Any

from agents.runtime.errors import AgentError

STOCK_COLUMNS = ("sku", "on_hand", "weight_grams")


class BadStock(AgentError):
    """The stock file cannot be read; `problem` names the line."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"stock file: {self.problem}"


def read_stock(file: Path) -> list[tuple[str, int, int]]:
    """The rows of a CSV file with columns sku, on_hand, weight_grams. Raises BadStock."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            if missing := set(STOCK_COLUMNS) - set(rows.fieldnames or ()):
                raise BadStock(f"column {', '.join(sorted(missing))} is missing")
            return [_stock_row(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadStock(f"{file.name} cannot be read: {type(error).__name__}") from error


def _stock_row(line: int, row: dict[str, Any]) -> tuple[str, int, int]:
    try:
        sku, on_hand, weight = str(row["sku"]), int(row["on_hand"]), int(row["weight_grams"])
    except (TypeError, ValueError):
        raise BadStock(f"line {line}: on_hand and weight_grams are whole numbers") from None
    if not sku or on_hand < 0 or weight < 0:
        raise BadStock(f"line {line}: sku is empty or a number is negative")
    return sku, on_hand, weight
