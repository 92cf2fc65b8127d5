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
            rows = csv.DictReader(lines, restval="", strict=True)
            if missing := set(STOCK_COLUMNS) - set(rows.fieldnames or ()):
                raise BadStock(f"column {', '.join(sorted(missing))} is missing")
            return [_stock_row(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadStock(f"{file.name} cannot be read: {type(error).__name__}") from error


def _stock_row(line: int, row: dict[str, Any]) -> tuple[str, int, int]:
    try:
        sku, on_hand, weight = str(row["sku"]), _whole(row["on_hand"]), _whole(row["weight_grams"])
    except ValueError:
        raise BadStock(f"line {line}: on_hand and weight_grams are whole numbers") from None
    if None in row:
        raise BadStock(f"line {line}: has more cells than the header")
    if not sku:
        raise BadStock(f"line {line}: sku is empty")
    return sku, on_hand, weight


def _whole(cell: str) -> int:
    """The number in plain digits: int() alone takes 1_000 too. Raises ValueError."""
    if not (cell.isascii() and cell.isdigit()):
        raise ValueError(cell)
    return int(cell)
