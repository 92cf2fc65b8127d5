"""An analysis that somebody asks for over the API: its own study, over documents at URLs or over the sample."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator

from agents.analysis.column import Frozen
from agents.analysis.contract import Contract
from agents.analysis.models import Partition
from agents.analysis.sample.flights import sample_study
from agents.analysis.study import Source, Study, problems_of
from agents.runtime import PermanentError
from agents.workflow.fields import BrokenRule
from agents.workflow.records import Records

SAMPLE = "sample"
MOST_SOURCES, LONGEST_URL, MOST_COLUMNS = 100, 2_000, 500
NAMED = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\.[a-z0-9][a-z0-9_-]{0,29}")

EXAMPLE: JsonValue = {
    "analysis": "sales-2026-q3",
    "source": ["https://data.example.com/sales/2026-07.csv.gz"],
    "contract": {
        "name": "sales",
        "time": "at",
        "columns": {
            "at": {"type": "time", "required": True},
            "shop": {"type": "text", "required": True, "known_before": True},
            "sold": {"type": "integer", "low": 0},
        },
    },
    "target": "sold",
}


class UnusableStudy(PermanentError):
    """The contract and the target of an analysis do not fit."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "; ".join(self.problems)


class Asked(Frozen):
    """What is analysed: `source` has URLs of files under one `contract`, or "sample" alone.

    `analysis` names it among those of the tenant. `target` is the column that models predict; without
    it, no model is trained. The same data and `seed` give the same report.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    analysis: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,29}$")]
    source: Annotated[
        tuple[Annotated[str, Field(max_length=LONGEST_URL)], ...],
        Field(min_length=1, max_length=MOST_SOURCES),
    ]
    contract: Contract | None = None
    target: Annotated[str, Field(max_length=200)] = ""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 7

    @property
    def is_sample(self) -> bool:
        """Whether it is about New York's flights of 2013."""
        return self.source == (SAMPLE,)

    @model_validator(mode="after")
    def _check_sources(self) -> "Asked":
        if self.is_sample:
            if self.contract is not None or self.target:
                raise BrokenRule("sample", None, "the sample has its own contract and target")
            return self
        for location in self.source:
            if urlsplit(location).scheme not in {"http", "https"} or "://" not in location:
                # A path would be a file of this machine.
                raise BrokenRule("url", None, "a source is a URL with http or https, or sample")
        if self.contract is None:
            raise BrokenRule("missing", None, "sources need a contract, which says what they hold")
        if len(self.contract.columns) > MOST_COLUMNS:
            raise BrokenRule("too-many", MOST_COLUMNS, "the contract has too many columns")
        return self


class Planned(Frozen):
    """The partitions of an analysis as they were when it began; `unreached` those that could not be had."""

    partitions: tuple[Partition, ...]
    unreached: dict[str, str] = Field(default_factory=dict)


RECORDS = Records(Asked, key="analysis")


def study_name(tenant: str, analysis: str) -> str | None:
    """The name of an analysis' study, which no other tenant's has; None if there cannot be one."""
    name = f"{tenant}.{analysis}"
    return name if NAMED.fullmatch(name) else None


def study_of(asked: Asked, name: str) -> Study:
    """The study of this name. Raises UnusableStudy."""
    if asked.is_sample:
        return sample_study().model_copy(update={"name": name})
    assert asked.contract is not None
    source = Source(contract=asked.contract, locations=asked.source)
    try:
        return Study(name=name, sources=(source,), target=asked.target)
    except ValidationError as error:
        raise UnusableStudy(problems_of(error)) from None
