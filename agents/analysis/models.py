"""The values of data analysis: partitions, and what is collected, cleaned and published."""

import hashlib
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import ConfigDict, Field, JsonValue, model_validator

from agents.analysis.column import Frozen, Name
from agents.analysis.contract import Contract

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

FORMAT = 5  # raise it when the code cleans differently: every partition is then cleaned again


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
    values, `repaired` replaced ones and `warned` those that only break a rule with a warning, each by column
    and rule; the file `log` has a line for each of these, and for each row that another one replaces.
    `unknown` names the columns that the contract does not have. `gaps` counts missing times, of the `times`
    from the first to the last of each series; the file `absent` lists them.
    """

    rows: int
    good: int
    quarantined: int
    deduplicated: int
    rules: dict[str, int]
    discarded: dict[str, int]
    repaired: dict[str, int] = Field(default_factory=dict)
    warned: dict[str, int] = Field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    gaps: int = 0
    times: int = 0
    part: str
    sha256: Sha256
    quarantine: str = ""
    log: str = ""
    absent: str = ""

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
