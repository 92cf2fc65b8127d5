"""A study: where its data comes from, what each source promises, and what is to be foretold."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError, model_validator

from agents.analysis.models import Column, Contract, Frozen, Gap, Name, Relation
from agents.runtime.errors import AgentError


class Source(Frozen):
    """Where data of one contract lies: URLs, paths and globs, each file a partition.

    A URL with {since} in it is asked for what came since the latest published time, less how late
    rows may come; what it answers is added, and of rows of one key the latest holds.
    """

    contract: Contract
    locations: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def grows(self) -> bool:
        """Whether a run adds to what was published before."""
        return any("{since}" in location for location in self.locations)

    @property
    def name(self) -> str:
        """The contract's."""
        return self.contract.name


class Join(Frozen):
    """Columns of another source that are taken over: from the row of the same `by`, and `hours` before."""

    source: Name
    by: tuple[str, ...]
    hours: Annotated[int, Field(ge=0)] = 0
    columns: Annotated[tuple[str, ...], Field(min_length=1)]


class History(Frozen):
    """The mean outcome of earlier rows with the same `by`, of those only that were known by then.

    An outcome is known an hour and `known_after` minutes (a column) after its row's time; rows see
    those that became known within the `span` hours before theirs.
    """

    by: tuple[str, ...]
    known_after: str
    span: Annotated[int, Field(ge=1)] = 3


class Study(Frozen):
    """The first source has the target; without a target nothing is modelled."""

    name: Name
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    target: str = ""
    joins: tuple[Join, ...] = ()
    history: History | None = None
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.25

    @model_validator(mode="after")
    def _names_what_there_is(self) -> "Study":
        main = self.sources[0].contract
        names = [source.name for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError("two sources have one name")
        if self.target and self.target not in main.columns:
            raise ValueError(f"target: {main.name} has no column {self.target!r}")
        if self.target and main.columns[self.target].known_before:
            raise ValueError(f"target: {self.target!r} is said to be known before")
        if self.target and main.columns[self.target].type in {"text", "time"}:
            raise ValueError(f"target: {self.target!r} is neither a number nor a boolean")
        if missing := {join.source for join in self.joins} - set(names):
            raise ValueError(f"joins: no source {', '.join(sorted(missing))}")
        if self.history and self.history.known_after not in main.columns:
            raise ValueError(f"history: {main.name} has no column {self.history.known_after!r}")
        return self


FIELDS: dict[Any, type[Frozen]] = {"columns": Column, "relations": Relation, "gaps": Gap}


class BadStudy(AgentError):
    """A contract or study file that cannot be used."""

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        super().__init__(path, problems)
        self.path, self.problems = path, problems

    def __str__(self) -> str:
        return f"{self.path}: {'; '.join(self.problems)}"


def read_contract(path: str | Path) -> Contract:
    """The contract in a YAML or JSON file. Raises BadStudy, which names every problem."""
    try:
        return Contract.model_validate(_document(path))
    except ValidationError as error:
        raise BadStudy(str(path), problems_of(error)) from None


def problems_of(error: ValidationError) -> tuple[str, ...]:
    """Field and rule of each problem, without the values."""
    found = error.errors(include_input=False, include_url=False)
    return tuple(f"{'.'.join(map(str, e['loc']))}: {_rule(e)}".removeprefix(": ") for e in found)


def _rule(problem: Any) -> str:
    if problem["type"] != "extra_forbidden":
        return str(problem["msg"]).removeprefix("Value error, ")
    model = FIELDS.get(problem["loc"][0], Contract) if len(problem["loc"]) > 1 else Contract
    return f"there is no such field; there are {', '.join(model.model_fields)}"


def _document(path: str | Path) -> Any:
    try:
        return yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadStudy(str(path), (f"cannot be read: {error}",)) from None
    except yaml.YAMLError as error:
        raise BadStudy(str(path), (f"is no YAML: {error}",)) from None
