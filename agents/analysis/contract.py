"""What a source promises: the columns, and what must hold in a row, between rows and over a series."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, model_validator

from agents.analysis.expressions import Kind, Node, parsed, quoted

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Bad = Literal["discard-row", "discard-value", "freeze"]
Share = Annotated[float, Field(ge=0, le=1)]
Severity = Literal["error", "warning"]
KINDS: Mapping[str, Kind] = {
    "integer": "number", "number": "number", "text": "text", "time": "time", "boolean": "boolean",
}  # fmt: skip


class Frozen(BaseModel, frozen=True, extra="forbid"):
    """An immutable value; unknown fields are an error."""


def _listed(names: Any) -> Any:
    return (names,) if isinstance(names, str) else names


Names = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
"""Names of columns; one alone may be given as a text."""


class Column(Frozen):
    """What one column of a source must be.

    `bad` says what happens to a bad value: "discard-row" quarantines the row, "discard-value" removes
    the value and keeps the row, "freeze" refuses the partition; with the severity "warning" it is only
    counted and logged. If less than the share `mostly` of the rows is good, the partition is refused.
    `low` and `high` are inclusive: numbers in `unit`, or times. A number that a binary floating-point
    number of 64 bits cannot hold, such as 9007199254740993, breaks the rule "precision" of a column of
    numbers unless it `rounds`; an integer has at most 64 bits. `outliers` is the greatest distance from
    the partition's median, in median absolute deviations. `known_before` says that the value is known
    before the outcome: a model may use it.
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
    bad: Bad = "discard-row"
    severity: Severity = "error"
    mostly: Share = 0.0
    known_before: bool = False
    rounds: bool = False
    owner: str = Field("", description="who answers for it")
    description: str = ""

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
    """The check `left` `holds` `right` of two columns, in an older form."""

    left: str
    holds: Literal["<=", "<", "==", "!="]
    right: str


def _of_text(body: Any) -> Any:
    return {"holds": body} if isinstance(body, str) else body


class Check(Frozen):
    """What must hold in each row: `holds`, or only in the rows of which `when` is true.

    Both are expressions over columns, such as `revenue == units * price`; a text alone is `holds`. Where a
    missing value leaves open whether it holds, the row passes. `within` is how far apart the sides of a
    comparison may be: numbers, or seconds for times.
    """

    when: str = ""
    holds: Annotated[str, Field(validation_alias=AliasChoices("holds", "then"))]
    within: Annotated[float, Field(ge=0)] = 0.0
    bad: Literal["discard-row", "freeze"] = "discard-row"
    severity: Severity = "error"
    mostly: Share = 0.0
    description: str = ""

    def nodes(self, columns: Mapping[str, "Column"]) -> tuple[Node | None, Node]:
        """The expressions `when` and `holds` over these columns. Raises BadExpression."""
        kinds = {name: KINDS[column.type] for name, column in columns.items()}
        return parsed(self.when, kinds) if self.when else None, parsed(self.holds, kinds)

    @property
    def rule(self) -> str:
        """Its name in reports and in the quarantine."""
        return f"{self.holds} when {self.when}" if self.when else self.holds


class Dependency(Frozen):
    """Rows of a partition with the same values of `by` have the same value of each column in `same`.

    Of the values of a group, the most frequent one is right if at most the share `may_differ` of the
    group's rows has others; these break the rule. Without such a majority, all rows of the group do.
    `repair` "majority" replaces the others instead, unless most columns of a row differ from its group:
    then `by` is probably wrong.
    """

    by: Names
    same: Names
    may_differ: Annotated[float, Field(ge=0, lt=1)] = 0.5
    repair: Literal["", "majority"] = ""
    bad: Bad = "discard-row"
    severity: Severity = "error"
    mostly: Share = 0.0
    description: str = ""


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
    only 1 allows the loss of all.
    """

    name: Name
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    time: str
    key: tuple[str, ...] = ()
    unknown: Literal["evolve", "freeze", "discard"] = "evolve"
    relations: tuple[Relation, ...] = ()
    checks: tuple[Annotated[Check, BeforeValidator(_of_text)], ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    gaps: Gap | None = None
    late_hours: Annotated[float, Field(ge=0)] = 0.0
    follows_pages: bool = False
    may_lose: Annotated[float, Field(ge=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _check_columns(self) -> "Contract":
        named = {self.time, *self.key, *(self.gaps.by if self.gaps else ())}
        named |= {name for relation in self.relations for name in (relation.left, relation.right)}
        named |= {name for one in self.dependencies for name in (*one.by, *one.same)}
        if missing := sorted(named - self.columns.keys()):
            raise ValueError(f"columns that the contract does not declare: {', '.join(missing)}")
        if self.columns[self.time].type != "time":
            raise ValueError(f"time: column {self.time!r} must have the type time")
        for check in self.conditions:
            check.nodes(self.columns)
        return self

    @property
    def conditions(self) -> tuple[Check, ...]:
        """Its checks, with its relations as further ones."""
        return self.checks + tuple(
            Check(holds=f"{quoted(one.left)} {one.holds} {quoted(one.right)}")
            for one in self.relations
        )
