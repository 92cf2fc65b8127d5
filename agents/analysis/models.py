"""What the agents of data analysis hand on: partitions, contracts, clean parts, datasets, models."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


FORMAT = 2  # raise it when the code cleans otherwise: everything is cleaned anew


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """A value; unknown fields are refused."""


class Column(Frozen):
    """What one column of a source must be.

    `bad` says what happens to a row with a bad value: the row is quarantined, the value alone is
    discarded, or the whole partition is refused. `low` and `high` are inclusive, in `unit`, or times;
    `outliers` discards a value so many median absolute deviations from the partition's median.
    `known_before`: it is known before the outcome, so a model may use it.
    """

    type: Literal["integer", "number", "text", "time", "boolean"]
    unit: str = ""
    scale: float = Field(1.0, description="the source's numbers times this are in `unit`")
    required: bool = False
    low: float | datetime | None = None
    high: float | datetime | None = None
    one_of: tuple[str, ...] = ()
    pattern: str | None = None
    longest: Annotated[int, Field(ge=1, le=65_536)] = 1_000
    zone: str = Field("UTC", description="of times that name none")
    outliers: Annotated[float, Field(gt=0)] | None = None
    bad: Literal["discard-row", "discard-value", "freeze"] = "discard-row"
    known_before: bool = False

    @model_validator(mode="after")
    def _is_bounded_in_kind(self) -> "Column":
        for bound in (self.low, self.high):
            if bound is not None and isinstance(bound, datetime) is not (self.type == "time"):
                raise ValueError(
                    "low and high are times for a time, such as 2024-01-31, else numbers"
                )
        return self


class Relation(Frozen):
    """Two columns of a row that must agree: `left` `holds` `right`, where both are there."""

    left: str
    holds: Literal["<=", "<", "==", "!="]
    right: str


class Gap(Frozen):
    """A series that should have a row for every `every` seconds, for each value of `by`."""

    every: Annotated[float, Field(gt=0)]
    by: tuple[str, ...] = ()


class Contract(Frozen):
    """What a source promises: its columns, its key, and what to do with what was not agreed.

    `late_hours` is how late rows may come. With `follows_pages`, a document's Link header (RFC 8288)
    leads to the next page of it.
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

    @model_validator(mode="after")
    def _names_its_own_columns(self) -> "Contract":
        named = {self.time, *self.key, *(self.gaps.by if self.gaps else ())}
        named |= {name for relation in self.relations for name in (relation.left, relation.right)}
        if missing := sorted(named - self.columns.keys()):
            raise ValueError(f"columns that the contract does not declare: {', '.join(missing)}")
        if self.columns[self.time].type != "time":
            raise ValueError(f"time: column {self.time!r} must have the type time")
        return self


class Partition(Frozen):
    """A work item: one part of a source, and everything that its clean form depends on.

    `location` is a path or URL; `validator` changes when the source does; `corrections` is the
    digest of rows that people have mended.
    """

    study: Name
    source: Name
    name: Name
    location: str
    validator: str
    contract: Contract
    corrections: str = ""

    @property
    def digest(self) -> str:
        """By which its results are found again."""
        body = self.model_dump(mode="json", exclude={"location"})
        told = orjson.dumps([FORMAT, body], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(told).hexdigest()

    @property
    def key(self) -> str:
        """Its name in the journal: another one when anything has changed."""
        return f"{self.study}/{self.source}/{self.name}@{self.digest[:16]}"


class Collected(Frozen):
    """The raw bytes of a partition, in the store by their digests, a page each."""

    raw: Annotated[tuple[Sha256, ...], Field(min_length=1)]
    size: int
    form: str = Field(description="the name's suffixes, such as .csv.gz")


class Cleaned(Frozen):
    """What became of every row of a partition; good rows lie in `part`, the others in `quarantine`.

    `rules` counts quarantined rows by the first rule they broke, `discarded` values by
    column and rule; `unknown` names columns that the contract does not know, `gaps` counts missing
    times.
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
    def _conserves_rows(self) -> "Cleaned":
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
    """What a study has published last: all of its clean parts, by source and name.

    `edition` counts the changes of the content.
    """

    study: Name
    folder: Path
    parts: tuple[Part, ...]
    edition: Annotated[int, Field(ge=1)] = 1

    @property
    def digest(self) -> str:
        """Of its content, wherever it lies."""
        told = [[part.source, part.name, part.sha256] for part in self.parts]
        return hashlib.sha256(orjson.dumps(told)).hexdigest()

    def files(self, source: str) -> list[Path]:
        """The Parquet files of one source, in their order."""
        return [self.folder / part.file for part in self.parts if part.source == source]
