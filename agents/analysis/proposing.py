"""A first contract from data: what fits nearly all cells of a column, and as a comment what was seen of it.

A proposal is strict where the data is: a person takes out what only happens to be so.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from agents.analysis.cleaning.reading import read_table
from agents.analysis.cleaning.values import plain_numbers, typed, without_words
from agents.analysis.column import Column

FITS = 0.99  # of the values of a column; the others are named in the comment
WORDS = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None", "n/a", "-", "?")
FORMATS = ("", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y")
FORMS: tuple[dict[str, Any], ...] = (
    {"type": "integer"},
    {"type": "number"},
    {"type": "number", "decimal": ","},
    {"type": "number", "decimal": ",", "thousands": "."},
    {"type": "number", "thousands": ","},
    {"type": "boolean"},
    *({"type": "time"} | ({"format": form} if form else {}) for form in FORMATS),
)
FEW, ENOUGH = 12, 50  # different texts that may be a list, and the fewest rows of it
RARE = 0.01  # of the values of a column: perhaps a slip
LONGEST_SHAPE = 20
KEY_COLUMNS = 3


@dataclass(slots=True)
class Seen:
    """What is proposed for one column, and what was seen of it."""

    name: str
    declared: dict[str, Any]
    found: pd.Series
    remarks: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The column in YAML."""
        return f"  {_dumped({self.name: self.declared})}  # {'; '.join(self.remarks)}"


def write_proposal(path: Path, name: str, target: Path) -> None:
    """Write a contract of this name for the file at `path`. Raises SourceError and OSError."""
    text = proposed(path, name)
    with target.open("x", encoding="utf-8") as file:
        file.write(text)


def proposed(path: Path, name: str) -> str:
    """The text of a contract of this name for the file. Raises SourceError."""
    cells = read_table([path], path.name).cells
    cells = cells.rename(columns=str)
    words = [word for word in WORDS if any((column == word).any() for _, column in cells.items())]
    seen = [_seen(column, without_words(cells[column], words)) for column in cells.columns]
    times = [one.name for one in seen if one.declared["type"] == "time"]
    head: dict[str, Any] = {"name": name} | ({"time": times[0]} if times else {})
    if words:
        head["missing"] = words
    if key := _key(seen, times):
        head["key"] = key
    lines = [
        f"# Proposed from {path.name}, {len(cells):,} rows. Take out what only happens to be so."
    ]
    if not times:
        lines.append("# No column of times was found: models need one, as time, with its format.")
    lines += [_dumped({field: value}) for field, value in head.items()]
    return "\n".join([*lines, "columns:", *(one.line() for one in seen)]) + "\n"


def _dumped(body: dict[str, Any]) -> str:
    """The only field of `body` on a line of its own; what is in it in brackets."""
    (name, value), *_ = body.items()
    key, inner = (
        yaml.safe_dump(one, default_flow_style=True, sort_keys=False, width=1e9, allow_unicode=True)
        for one in (name, value)
    )
    return f"{_bare(key)}: {_bare(inner)}"


def _bare(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\n...")


def _seen(name: str, cells: pd.Series) -> Seen:
    given = cells[cells.notna()]
    declared, values = _form(given)
    one = Seen(name, declared, values)
    if len(given) == len(cells) and len(cells):
        declared["required"] = True
    else:
        one.remarks.append(f"{len(cells) - len(given):,} missing")
    if unfit := given[values.isna()].astype(str).tolist():
        one.remarks.append(f"{len(unfit):,} do not fit, such as {unfit[0][:40]!r}")
    {"text": _of_texts, "time": _of_range, "boolean": _of_nothing}.get(
        declared["type"], _of_numbers
    )(one, values.dropna())
    return one


def _form(given: pd.Series) -> tuple[dict[str, Any], pd.Series]:
    """The first form that fits nearly all cells; a number with leading zeros is a text."""
    text = given.astype(str)
    is_code = bool(text.str.fullmatch(r"0[0-9]+").any())
    for form in FORMS if len(given) and not is_code else ():
        column = Column.model_validate(form)
        values = typed(plain_numbers(given, column), column)
        if values.notna().mean() >= FITS and not (form["type"] == "boolean" and _is_binary(text)):
            return dict(form), values
    return {"type": "text"}, typed(given, Column(type="text"))


def _is_binary(text: pd.Series) -> bool:
    return bool(text.isin(["0", "1"]).all())


def _of_numbers(one: Seen, values: pd.Series) -> None:
    if len(values) and values.min() >= 0:
        one.declared["low"] = 0
    _of_range(one, values)


def _of_range(one: Seen, values: pd.Series) -> None:
    if len(values):
        one.remarks.append(f"from {values.min()} to {values.max()}")


def _of_nothing(one: Seen, values: pd.Series) -> None:
    one.remarks.append(f"{int(values.sum()):,} of {len(values):,} are true")


def _of_texts(one: Seen, values: pd.Series) -> None:
    different = values.value_counts()
    if len(values):
        one.remarks.append(f"{len(different):,} different, such as {str(values.iloc[0])[:40]!r}")
    if 0 < len(different) <= FEW and len(values) >= ENOUGH:
        one.declared["one_of"] = sorted(map(str, different.index))
        rare = different[different < RARE * len(values)]
        one.remarks += [f"{str(text)[:40]!r} only {count} times" for text, count in rare.items()]
    elif shape := _shape(different.index.astype(str).tolist()):
        one.declared["pattern"] = shape


def _shape(texts: Sequence[str]) -> str:
    """The pattern of texts that all have digits and capitals at the same places; else empty."""
    shapes = {re.sub("[A-Z]", "A", re.sub("[0-9]", "0", text)) for text in texts}
    if len(shapes) != 1 or len(texts) < FEW:
        return ""
    (shape,) = shapes
    if len(shape) > LONGEST_SHAPE or not re.search("[0A]", shape) or re.search("[a-z]{2}", shape):
        return ""
    return "".join(_runs(shape))


def _runs(shape: str) -> Iterator[str]:
    for run in re.finditer(r"0+|A+|[^0A]+", shape):
        one = {"0": "[0-9]", "A": "[A-Z]"}.get(run[0][0])
        yield f"{one}{{{len(run[0])}}}" if one else re.escape(run[0])


def _key(seen: Sequence[Seen], times: Sequence[str]) -> list[str]:
    """The first column that identifies a row, or the time with up to two more."""
    complete = {one.name: one.found for one in seen if one.declared.get("required")}
    usable = {n: v for n, v in complete.items() if v.notna().all() and v.dtype != "float64"}
    for name, values in usable.items():
        if values.is_unique:
            return [name]
    chosen = [name for name in times[:1] if name in usable]
    for name in usable:
        if chosen and name not in chosen and len(chosen) < KEY_COLUMNS:
            chosen.append(name)
            if not pd.DataFrame({key: usable[key] for key in chosen}).duplicated().any():
                return chosen
    return []
