"""A table of good rows with errors of known kinds at known lines."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from agents.analysis.column import Column
from agents.analysis.contract import Contract, Gap, Relation

Row = dict[str, str]

CONTRACT = Contract(
    name="readings",
    time="at",
    key=("id",),
    unknown="freeze",
    missing=("NA", "null"),
    columns={
        "id": Column(type="integer", required=True, low=1),
        "at": Column(type="time", required=True),
        "until": Column(type="time", zone="Europe/Berlin"),
        "site": Column(type="text", required=True, one_of=("north", "south")),
        "code": Column(type="text", required=True, pattern="[A-Z]{2}[0-9]{3}"),
        "note": Column(type="text", longest=40),
        "value": Column(type="number", required=True, unit="°C", low=-50, high=60),
        "ratio": Column(type="number", low=0, high=1, outliers=12, bad="discard-value"),
        "works": Column(type="boolean", required=True),
    },
    relations=(Relation(left="at", holds="<=", right="until"),),
    gaps=Gap(every=3600, by=("site",)),
)

# Each makes a good row bad in one way; the name of the kind is the rule that must be found.
KINDS: dict[str, Callable[[Row], Row]] = {
    "id: missing": lambda row: row | {"id": ""},
    "id: type": lambda row: row | {"id": f"{row['id']}.5"},
    "id: range": lambda row: row | {"id": "-" + row["id"]},
    "at: type": lambda row: row | {"at": "2025-13-40T00:00:00Z"},
    "at <= until": lambda row: row | {"until": "1999-01-01T00:00:00Z"},
    "site: allowed": lambda row: row | {"site": "nоrth"},  # noqa: RUF001 - a Cyrillic o, on purpose
    "site: missing": lambda row: row | {"site": "NA"},
    "code: pattern": lambda row: row | {"code": row["code"].lower()},
    "note: longest": lambda row: row | {"note": "x" * 41},
    "note: control": lambda row: row | {"note": "a\x07b"},
    "value: type": lambda row: row | {"value": "1,5"},
    "value: range": lambda row: row | {"value": "451"},
    "value: missing": lambda row: row | {"value": "null"},
    "works: type": lambda row: row | {"works": "perhaps"},
    "key: other values": lambda row: row | {"id": "1"},
}


@dataclass(frozen=True, slots=True)
class Planted:
    """The CSV, and the kind of each error by its line."""

    text: bytes
    errors: dict[int, str]
    repeated: int
    rows: int


def good_row(number: int, rng: Random) -> Row:
    day, hour = divmod(number // 2, 24)
    return {
        "id": str(number + 1),
        "at": f"2025-{1 + day // 28 % 12:02}-{1 + day % 28:02}T{hour:02}:00:00Z",
        "until": "2031-01-01 00:00:00",
        "site": ("north", "south")[number % 2],
        "code": f"AB{rng.randrange(1_000):03}",
        "note": rng.choice(["", "fine", "=1+1", "naïve"]),
        "value": f"{rng.gauss(15, 5):.2f}",
        "ratio": f"{rng.uniform(0.4, 0.6):.3f}",
        "works": rng.choice(["true", "no", "1"]),
    }


def planted(rows: int, each: int, seed: int) -> Planted:
    """A table with `each` errors of every kind, ragged lines and duplicates among its rows."""
    rng = Random(seed)
    table = [good_row(number, rng) for number in range(rows)]
    return spoilt(table, KINDS, each, rng)


def spoilt(
    table: list[Row], kinds: dict[str, Callable[[Row], Row]], each: int, rng: Random
) -> Planted:
    """The table with `each` errors of every kind, ragged lines and duplicates; its first row stays good."""
    rows, header = len(table), list(table[0])
    places = iter(rng.sample(range(1, rows), each * (len(kinds) + 2)))
    errors: dict[int, str] = {}
    for kind, spoil in kinds.items():
        for _ in range(each):
            place = next(places)
            table[place] = spoil(table[place])
            errors[place + 2] = kind
    lines = [_line(row) for row in table]
    for _ in range(each):
        place = next(places)
        lines[place] = lines[place].rstrip("\n") + ",surplus\n"
        errors[place + 2] = "ragged"
    again = [lines[next(places)] for _ in range(each)]
    text = ",".join(header) + "\n" + "".join(lines + again)
    return Planted(text.encode(), errors, len(again), rows + len(again))


def _line(row: Row) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row.values())
    return out.getvalue()
