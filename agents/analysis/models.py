"""The values of data analysis: contracts, partitions, and what is collected, cleaned and published."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from agents.analysis.collecting.declared import Collecting

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

FORMAT = 3  # raise it when the code cleans differently: every partition is then cleaned again


EXAMPLE: JsonValue = {
    "study": "flights",
    "source": "weather",
    "name": "2013-01.csv",
    "location": "https://data.example.com/weather/2013-01.csv",
    "validator": 'W/"5f2a"',
    "contract": {
        "name": "weather",
        "time": "measured_at",
        "columns": {
            "measured_at": {"type": "time", "required": True},
            "wind": {"type": "number", "unit": "m/s", "low": 0, "high": 60},
        },
    },
}


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """An immutable value; unknown fields are an error."""


class Column(Frozen):
    """What one column of a source must be.

    `bad` says what happens to a bad value: "discard-row" quarantines the row, "discard-value" removes
    the value and keeps the row, "freeze" refuses the partition. `low` and `high` are inclusive: numbers
    in `unit`, or times. A number that a binary floating-point number of 64 bits cannot hold, such as
    9007199254740993, breaks the rule "precision" of a column of numbers unless it `rounds`; an integer has
    at most 64 bits. `outliers` is the greatest distance from the partition's median, in median
    absolute deviations. `known_before` says that the value is known before the outcome: a model may
    use it.
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
    bad: Literal["discard-row", "discard-value", "freeze"] = "discard-row"
    known_before: bool = False
    rounds: bool = False

    @model_validator(mode="after")
    def _check_bounds(self) -> "Column":
        for bound in (self.low, self.high):
            if bound is not None and isinstance(bound, datetime) is not (self.type == "time"):
                raise ValueError(
                    "low and high must be times for a column of times, such as 2024-01-31, and "
                    "numbers for any other column"
                )
        return self


class Relation(Frozen):
    """Two columns of a row must agree: `left` `holds` `right`; a row that lacks one of them passes."""

    left: str
    holds: Literal["<=", "<", "==", "!="]
    right: str


class Gap(Frozen):
    """A series should have a row every `every` seconds, for each value of the columns `by`."""

    every: Annotated[float, Field(gt=0)]
    by: tuple[str, ...] = ()


class Contract(Frozen):
    """What a source promises: its columns, its key, and how unknown columns are handled.

    `unknown` says what happens to a column that the contract does not have: "evolve" keeps it as text,
    "freeze" refuses the partition, "discard" removes it. `late_hours` is how late rows may arrive. With
    `follows_pages`, the Link header (RFC 8288) of a document leads to its next page. `may_lose` is the
    largest share of the published rows, of the source or of a partition, that a new version may be without;
    only 1 allows the loss of all. `collect` says how its documents are collected.
    """

    name: Name
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    time: str
    key: tuple[str, ...] = ()
    unknown: Literal["evolve", "freeze", "discard"] = "evolve"
    relations: tuple[Relation, ...] = ()
    gaps: Gap | None = None
    late_hours: Annotated[float, Field(ge=0)] = 0.0
    follows_pages: bool = False
    collect: Collecting = Collecting()
    may_lose: Annotated[float, Field(ge=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _check_columns(self) -> "Contract":
        named = {self.time, *self.key, *(self.gaps.by if self.gaps else ())}
        named |= {name for relation in self.relations for name in (relation.left, relation.right)}
        if missing := sorted(named - self.columns.keys()):
            raise ValueError(f"columns that the contract does not declare: {', '.join(missing)}")
        if self.columns[self.time].type != "time":
            raise ValueError(f"time: column {self.time!r} must have the type time")
        return self


class Partition(Frozen):
    """A work item: one part of a source, and everything that its clean form depends on.

    `location` is a path or URL. `validator` changes when the content does. `corrections` is the digest
    of the rows that people have corrected. `folders` are columns that the folders of its file name.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    study: Name
    source: Name
    name: Name
    location: str
    validator: str
    contract: Contract
    corrections: str = ""
    folders: dict[str, str] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The name of the folder of its results."""
        body = self.model_dump(mode="json", exclude={"location"})
        text = orjson.dumps([FORMAT, body], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(text).hexdigest()

    @property
    def key(self) -> str:
        """Its key in the journal, which changes with everything that its clean form depends on."""
        return f"{self.study}/{self.source}/{self.name}@{self.digest[:16]}"


class Collected(Frozen):
    """The raw bytes of a partition: the SHA-256 of each page, by which the store has it."""

    raw: Annotated[tuple[Sha256, ...], Field(min_length=1)]
    size: int
    form: str = Field(description="suffixes of the file name, such as .csv.gz")


class Cleaned(Frozen):
    """The result of cleaning: the file `part` has the good rows, the file `quarantine` the bad ones.

    `rules` counts quarantined rows by the first rule that each broke, `discarded` counts discarded
    values by column and rule. `unknown` names the columns that the contract does not have. `gaps` counts
    missing times.
    """

    rows: int
    good: int
    quarantined: int
    deduplicated: int
    rules: dict[str, int]
    discarded: dict[str, int]
    unknown: tuple[str, ...] = ()
    gaps: int = 0
    part: str
    sha256: Sha256
    quarantine: str = ""

    @model_validator(mode="after")
    def _check_conservation(self) -> "Cleaned":
        if self.rows != self.good + self.quarantined + self.deduplicated:
            raise ValueError(
                f"{self.rows} rows in, but {self.good} good + {self.quarantined} quarantined "
                f"+ {self.deduplicated} deduplicated"
            )
        if sum(self.rules.values()) != self.quarantined:
            raise ValueError("the rules do not account for every quarantined row")
        return self


class Part(Frozen):
    """One clean partition of a published dataset; `file` is relative to the study's folder."""

    source: Name
    name: Name
    file: str
    rows: int
    sha256: Sha256


class Dataset(Frozen):
    """The published data of a study: its clean parts, ordered by source and name.

    `edition` counts how often the content has changed.
    """

    study: Name
    folder: Path
    parts: tuple[Part, ...]
    edition: Annotated[int, Field(ge=1)] = 1

    @property
    def digest(self) -> str:
        """The SHA-256 of its content, which does not depend on the folder."""
        content = [[part.source, part.name, part.sha256] for part in self.parts]
        return hashlib.sha256(orjson.dumps(content)).hexdigest()

    def files(self, source: str) -> list[Path]:
        """The Parquet files of one source, ordered by name."""
        return [self.folder / part.file for part in self.parts if part.source == source]
