"""What one column of a source must be, and which declarations contradict each other."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Bad = Literal["discard-row", "discard-value", "freeze"]
Share = Annotated[float, Field(ge=0, le=1)]
Severity = Literal["error", "warning"]
Choice = Literal["refuse", "earlier", "later"]
EPOCHS = {"epoch-s": 1_000_000, "epoch-ms": 1_000, "epoch-us": 1, "epoch-ns": 0.001}  # microseconds
ONLY_FOR = {  # what may be declared for columns of some types alone
    "pattern": ("text",),
    "longest": ("text",),
    "scale": ("number", "integer"),
    "outliers": ("number", "integer"),
    "decimal": ("number", "integer"),
    "thousands": ("number", "integer"),
    "rounds": ("number",),
    "zone": ("time",),
    "format": ("time",),
    "ambiguous": ("time",),
    "by_order": ("time",),
    "skipped": ("time",),
    "one_of": ("text", "number", "integer"),
}


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """An immutable value; unknown fields are an error."""


def _words(words: Any) -> Any:
    words = (words,) if isinstance(words, str) else words
    for word in words if isinstance(words, list | tuple) else ():
        if isinstance(word, bool):
            raise ValueError(  # noqa: TRY004 - pydantic reports it as a mistake of the contract
                f"YAML reads NO, no, off, yes and on as {str(word).lower()}: write it in quotes, as 'NO'"
            )
    return words


Names = Annotated[tuple[str, ...], BeforeValidator(_words), Field(min_length=1)]
"""Names of columns; one alone may be given as a text."""

Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Column(Frozen):
    """What one column of a source must be.

    `bad` says what happens to a bad value: "discard-row" quarantines the row, "discard-value" removes
    the value and keeps the row, "freeze" refuses the partition; with the severity "warning" it is only
    counted and logged. If less than the share `mostly` of the rows is good, the partition is refused.

    `low` and `high` are inclusive: numbers in `unit`, or times. A number that a binary floating-point
    number of 64 bits cannot hold, such as 9007199254740993, breaks the rule "precision" of a column of
    numbers unless it `rounds`; an integer has at most 64 bits. `outliers` is the greatest distance from
    the partition's median, in median absolute deviations; with `outliers_by`, from the median of the rows
    with the same values of these columns. `known_before` says that the value is known
    before the outcome: a model may use it.

    `named` is its name in the source. `missing` are words for no value, instead of the contract's.
    `spellings` replaces texts, before everything else. A number is written with the marks `decimal` and
    `thousands`. A time is written by ISO 8601, or in `format`: as for strptime, or epoch-s, -ms, -us, -ns.
    Where clocks are set back, a local time is `ambiguous`; where they are put forward, it is `skipped`: the
    rule "type" refuses it, or the `earlier` or `later` of the two possible times is meant. With `by_order`, the order
    of the rows tells: in each series of `gaps`, an ambiguous time that is not later than the one before it is the
    later of the two.
    """

    type: Literal["integer", "number", "text", "time", "boolean"]
    unit: str = ""
    scale: float = Field(1.0, description="factor that converts the source's numbers to `unit`")
    required: bool = False
    low: int | float | datetime | None = None
    high: int | float | datetime | None = None
    one_of: tuple[str, ...] = ()
    pattern: str | None = None
    longest: Annotated[int, Field(ge=1, le=65_536)] = 1_000
    zone: str = Field("UTC", description="time zone of times without one")
    outliers: Annotated[float, Field(gt=0)] | None = None
    outliers_by: tuple[str, ...] = ()
    bad: Bad = "discard-row"
    severity: Severity = "error"
    mostly: Share = 0.0
    known_before: bool = False
    rounds: bool = False
    named: str = ""
    missing: Words | None = None
    spellings: dict[str, str] = Field(default_factory=dict)
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    format: str = ""
    ambiguous: Choice = "refuse"
    by_order: bool = False
    skipped: Choice = "refuse"
    owner: str = Field("", description="who answers for it")
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _numbers_in_one_of(cls, body: Any) -> Any:
        """Numbers may be listed for a column of numbers; the contract keeps them as texts."""
        if not isinstance(body, dict) or not isinstance(body.get("one_of"), list | tuple):
            return body
        words = _words(body["one_of"])
        numbers = [word for word in words if isinstance(word, int | float)]
        if numbers and body.get("type") == "text":
            raise ValueError(f"one_of: YAML reads {numbers[0]} as a number: write it in quotes")
        return body | {"one_of": [str(w) if isinstance(w, int | float) else w for w in words]}

    @model_validator(mode="after")
    def _check_bounds(self) -> "Column":
        for bound in (self.low, self.high):
            if bound is not None and isinstance(bound, datetime) is not (self.type == "time"):
                raise ValueError(
                    "low and high must be times for a column of times, such as 2024-01-31, and "
                    "numbers for any other column"
                )
        low, high = (_comparable(bound) for bound in (self.low, self.high))
        if low is not None and high is not None and low > high:
            raise ValueError(f"low: {self.low} is higher than high, {self.high}")
        if self.type in {"text", "boolean"} and (low is not None or high is not None):
            raise ValueError(f"low and high say nothing about a column of the type {self.type}")
        return self

    @model_validator(mode="after")
    def _check_types(self) -> "Column":
        for field, types in ONLY_FOR.items():
            default = type(self).model_fields[field].default
            if self.type not in types and getattr(self, field) != default:
                raise ValueError(
                    f"{field} is for a column of the type {' or '.join(types)}, not {self.type}"
                )
        if self.outliers_by and self.outliers is None:
            raise ValueError("outliers_by: without outliers, nothing is measured")
        if self.by_order and self.ambiguous != "refuse":
            raise ValueError(f"by_order and ambiguous: {self.ambiguous} contradict each other")
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        return self

    @model_validator(mode="after")
    def _check_texts(self) -> "Column":
        """The regular expression, the zone, the format and the listed values."""
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"zone: {self.zone!r} is none, such as Europe/Berlin") from None
        if self.format and self.format not in EPOCHS:
            _require_format(self.format)
        if self.pattern is not None:
            _require_pattern(self.pattern, self.one_of)
        if self.type in {"number", "integer"}:
            _require_numbers(self.type, self.one_of)
        return self


def _comparable(bound: Any) -> Any:
    """The bound; a time without a zone as one of UTC, as both are meant in one zone."""
    naive = isinstance(bound, datetime) and bound.tzinfo is None
    return bound.replace(tzinfo=UTC) if naive else bound


def _require_format(text: str) -> None:
    sample = datetime(2024, 1, 31, 12, 30, tzinfo=UTC)
    try:
        found = datetime.strptime(sample.strftime(text), text)  # noqa: DTZ007 - only whether it can be read
    except (ValueError, re.error):
        raise ValueError(f"format: {text!r} is none, such as %Y/%m/%d %H:%M or epoch-s") from None
    if found.date() != sample.date():
        raise ValueError(f"format: {text!r} lacks the year, the month or the day")


def _require_pattern(pattern: str, words: tuple[str, ...]) -> None:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern: {pattern!r} is no regular expression: {error}") from None
    if unfit := [word for word in words if not compiled.fullmatch(word)]:
        raise ValueError(f"one_of: {unfit[0]!r} does not fit the pattern")


def _require_numbers(kind: str, words: tuple[str, ...]) -> None:
    for word in words:
        try:
            int(word) if kind == "integer" else float(word)
        except ValueError:
            raise ValueError(f"one_of: {word!r} is no {kind}") from None
