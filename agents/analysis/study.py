"""A study: where its data comes from, what each source promises, and which column is predicted."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from agents.analysis.collecting.declared import Collecting
from agents.analysis.column import Column, Frozen, Name
from agents.analysis.contract import Check, Contract, Dependency, Expects, Gap, Relation
from agents.analysis.contract_file import Document, read_document
from agents.analysis.modelling.declared import Features
from agents.analysis.steady.declared import Steady
from agents.runtime import AgentError


class Source(Frozen):
    """The locations of the data of one contract: URLs, paths and globs. Each file is a partition.

    {since} in a URL stands for the latest published time less the contract's `late_hours`. Each answer
    is a further partition; of rows with the same key, that of the latest partition is published.
    """

    contract: Contract
    locations: Annotated[tuple[str, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_time(self) -> "Source":
        if self.grows and not self.contract.time:
            raise ValueError("{since} needs a contract that names a time")
        return self

    @property
    def grows(self) -> bool:
        """Whether a run adds partitions to those published before."""
        return any("{since}" in location for location in self.locations)

    @property
    def name(self) -> str:
        """The name of its contract."""
        return self.contract.name


class Join(Frozen):
    """Adds columns of another source: from its row with the same `by`, `hours` earlier."""

    source: Name
    by: tuple[str, ...]
    hours: Annotated[int, Field(ge=0)] = 0
    columns: Annotated[tuple[str, ...], Field(min_length=1)]


class History(Frozen):
    """Adds the mean outcome of earlier rows with the same `by`, as far as it was known by then.

    An outcome is known one hour and `known_after` minutes (a column) after the time of its row. A row
    uses the outcomes that became known within the `span` hours before its own time.
    """

    by: tuple[str, ...]
    known_after: str
    span: Annotated[int, Field(ge=1)] = 3


class Study(Frozen):
    """Sources, and what to predict: the first source has the column `target`; empty for no models.

    `test_share` is the last share of the time, on which models are tested.
    """

    name: Name
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    target: str = ""
    joins: tuple[Join, ...] = ()
    history: History | None = None
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.25

    @model_validator(mode="after")
    def _check_names(self) -> "Study":
        main = self.sources[0].contract
        names = [source.name for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError("two sources have one name")
        if self.target and self.target not in main.columns:
            raise ValueError(f"target: {main.name} has no column {self.target!r}")
        if self.target and (timeless := [s.name for s in self.sources if not s.contract.time]):
            raise ValueError(f"target: {timeless[0]} names no time, by which models are tested")
        if self.target and main.columns[self.target].known_before:
            raise ValueError(f"target: {self.target!r} is declared as known_before")
        if self.target and main.columns[self.target].type in {"text", "time"}:
            raise ValueError(f"target: {self.target!r} is neither a number nor a boolean")
        if missing := {join.source for join in self.joins} - set(names):
            raise ValueError(f"joins: no source {', '.join(sorted(missing))}")
        if self.history and self.history.known_after not in main.columns:
            raise ValueError(f"history: {main.name} has no column {self.history.known_after!r}")
        return self


FIELDS: dict[Any, type[BaseModel]] = {
    "columns": Column,
    "relations": Relation,
    "checks": Check,
    "dependencies": Dependency,
    "gaps": Gap,
    "expects": Expects,
    "collect": Collecting,
    "features": Features,
    "steady": Steady,
}


class BadStudy(AgentError):
    """A contract or study that cannot be used."""

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        super().__init__(path, problems)
        self.path, self.problems = path, problems

    def __str__(self) -> str:
        return f"{self.path}: {'; '.join(self.problems)}"


def read_contract(path: str | Path) -> Contract:
    """Read a contract from a YAML or JSON file. Raises BadStudy, which names every problem and its line."""
    try:
        document = read_document(path)
    except (OSError, UnicodeDecodeError) as error:
        raise BadStudy(str(path), (f"cannot be read: {error}",)) from None
    except yaml.YAMLError as error:
        raise BadStudy(str(path), (f"is not YAML: {error}",)) from None
    if document.problems:
        raise BadStudy(str(path), document.problems)
    try:
        return Contract.model_validate(document.body)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        raise BadStudy(str(path), tuple(_with_line(one, document) for one in found)) from None


def _with_line(problem: Any, document: Document) -> str:
    """The problem and its line; it may name a field below its place, as in `checks.0: ..`."""
    text = _problem(problem)
    below = str(problem["msg"]).removeprefix("Value error, ").partition(":")[0].split(".")
    path = [*problem["loc"], *(int(step) if step.isdigit() else step for step in below)]
    return f"line {document.line(path)}: {text}"


def problems_of(error: ValidationError) -> tuple[str, ...]:
    """Field and rule of each problem, without values."""
    found = error.errors(include_input=False, include_url=False)
    return tuple(_problem(one) for one in found)


def _problem(problem: Any) -> str:
    return f"{'.'.join(map(str, problem['loc']))}: {_rule(problem)}".removeprefix(": ")


def _rule(problem: Any) -> str:
    if problem["type"] != "extra_forbidden":
        return str(problem["msg"]).removeprefix("Value error, ")
    model = FIELDS.get(problem["loc"][0], Contract) if len(problem["loc"]) > 1 else Contract
    return f"no such field; the fields are {', '.join(model.model_fields)}"
