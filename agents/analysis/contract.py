"""What a source promises: its columns, and what holds in a row, between rows and over a series."""

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from agents.analysis.collecting.declared import Collecting
from agents.analysis.column import Bad, Column, Frozen, Name, Names, Severity, Share, Words
from agents.analysis.expressions import BadExpression, Kind, Node, parsed, quoted
from agents.analysis.modelling.declared import Features, holidays_of
from agents.analysis.steady.declared import Steady

KINDS: Mapping[str, Kind] = {
    "integer": "number", "number": "number", "text": "text", "time": "time", "boolean": "boolean",
}  # fmt: skip


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


class Bounds(Frozen):
    """What a figure should be at least and at most; a `breach` refuses the publication, alerts, or is noted."""

    low: float | None = None
    high: float | None = None
    breach: Literal["refuse", "alert", "note"] = "refuse"

    @model_validator(mode="after")
    def _check_order(self) -> "Bounds":
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low: {self.low:g} is higher than high, {self.high:g}")
        return self

    def allow(self, figure: float) -> bool:
        """Whether the figure is within them."""
        is_low = self.low is not None and figure < self.low
        return not is_low and not (self.high is not None and figure > self.high)


class Expects(Frozen):
    """How much data is expected.

    `rows` are the good rows of a partition, `change` is the rows of the source as a multiple of those
    published before, `hours_old` the age of its latest row, `complete` the share of the times of `gaps`
    that a partition has.
    """

    rows: Bounds | None = None
    change: Bounds | None = None
    hours_old: Bounds | None = None
    complete: Bounds | None = None


def _relative(column: dict[str, Any]) -> dict[str, str]:
    """The bounds of a column that are given from now on, such as now - 30d."""
    bounds = {field: column.get(field) for field in ("low", "high")}
    return {k: v for k, v in bounds.items() if isinstance(v, str) and v.startswith("now")}


class Contract(Frozen):
    """What a source promises: its columns, its key, and how unknown columns are handled.

    `time` is the column that says when a row was; gaps, sources that grow and models need it.
    `unknown` says what happens to a column that the contract does not have: "evolve" keeps it as text,
    "freeze" refuses the partition, "discard" removes it. `late_hours` is how late rows may arrive. With
    `follows_pages`, the Link header (RFC 8288) of a document leads to its next page. `may_lose` is the
    largest share of the published rows, of the source or of a partition, that a new version may be without;
    only 1 allows the loss of all. `collect` says how its documents are collected, and `features` which
    earlier outcomes a model uses; `holidays` is the country, or country and region, whose public holidays it
    knows: DE, DE-BY, US. The series of `gaps` are forecast for the `forecast_hours` after their last row.

    Of two rows with the same key, `wins` says which one is kept: the "first" or "last" by partition and line,
    or the one with the highest or lowest value of a column, as "highest updated_at"; of equals the last.
    Without it, the partition that is last by its name wins, and within a partition rows with other values
    are quarantined, except the first.

    `differing` bounds the number of rows that break a dependency over all partitions of the source.

    With `in_order`, the rows of a partition come in the order of their times, in each series of `gaps`; a
    row that is earlier than one before it is only warned of. `steady` says which columns do not change over
    time, in each of their groups.

    `missing` are words that stand for no value, such as NA; an empty or blank cell always does; a word in quotes is
    a text, unless it is listed with its quotes. `header` has the names
    of the columns of a CSV file without a header. `encoding` is that of a CSV or JSON file.
    """

    name: Name
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    time: str
    key: tuple[str, ...] = ()
    wins: Annotated[str, Field(pattern="^(|first|last|(highest|lowest) .+)$")] = ""
    unknown: Literal["evolve", "freeze", "discard"] = "evolve"
    relations: tuple[Relation, ...] = ()
    checks: tuple[Annotated[Check, BeforeValidator(_of_text)], ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    gaps: Gap | None = None
    expects: Expects = Expects()
    differing: Bounds | None = None
    in_order: bool = False
    steady: tuple[Steady, ...] = ()
    late_hours: Annotated[float, Field(ge=0)] = 0.0
    follows_pages: bool = False
    collect: Collecting = Collecting()
    features: Features = Features()
    holidays: str = ""
    forecast_hours: Annotated[float, Field(ge=0, le=24 * 366)] = 0.0
    may_lose: Share = 0.5
    missing: Words = ()
    header: tuple[str, ...] = ()
    encoding: str = "utf-8"
    owner: str = ""
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, body: Any) -> Any:
        """Without a time it is empty; `low: now - 30d` of a column is the check `column >= now - 30d`."""
        if not isinstance(body, dict) or not isinstance(body.get("columns"), dict):
            return body
        columns, checks = dict(body["columns"]), list(body.get("checks", ()))
        for name, column in columns.items():
            relative = _relative(column) if isinstance(column, dict) else {}
            for field, bound in relative.items():
                check = {"holds": f"{quoted(name)} {'>=' if field == 'low' else '<='} {bound}"}
                checks.append(check | {"severity": column.get("severity", "error")})
                columns[name] = {k: v for k, v in columns[name].items() if k not in relative}
        body = {"time": ""} | body | {"columns": columns}
        return body | ({"checks": checks} if checks else {})

    @model_validator(mode="after")
    def _check_columns(self) -> "Contract":
        named = {
            *([self.time] if self.time else []),
            *self.key,
            *(self.gaps.by if self.gaps else ()),
        }
        named |= {name for column in self.columns.values() for name in column.outliers_by}
        named |= {name for relation in self.relations for name in (relation.left, relation.right)}
        named |= {name for name in [self.wins.partition(" ")[2]] if name}
        named |= {*self.features.by}
        named |= {name for one in self.dependencies for name in (*one.by, *one.same)}
        named |= {name for one in self.steady for name in (*one.by, *one.columns)}
        if missing := sorted(named - self.columns.keys()):
            raise ValueError(f"columns that the contract does not declare: {', '.join(missing)}")
        if self.gaps and not self.time:
            raise ValueError("gaps: there is no time; name its column")
        for field in ("in_order", "steady"):
            if getattr(self, field) and not self.time:
                raise ValueError(f"{field}: there is no time; name its column")
        if self.expects.complete and not self.gaps:
            raise ValueError(
                "expects.complete: without gaps, nothing says which times there should be"
            )
        if self.expects.hours_old and not self.time:
            raise ValueError("expects.hours_old: there is no time; name its column")
        if self.time and self.columns[self.time].type != "time":
            raise ValueError(f"time: column {self.time!r} must have the type time")
        self._require_names()
        for number, check in enumerate(self.conditions):
            try:
                check.nodes(self.columns)
            except BadExpression as error:
                raise ValueError(f"checks.{number}: {error}") from None
        return self

    @model_validator(mode="after")
    def _check_forecast(self) -> "Contract":
        if self.holidays:
            holidays_of(self.holidays, ())
        hours = self.forecast_hours
        if not hours:
            return self
        if self.gaps is None:
            raise ValueError("forecast_hours: gaps must say how often there is a row")
        series = {*self.features.by, *self.gaps.by}
        if unknown := [n for n, c in self.columns.items() if c.known_before and n not in series]:
            raise ValueError(f"forecast_hours: {unknown[0]!r} is not known of times that come")
        if early := [lag for lag in self.features.lags if lag < hours]:
            raise ValueError(
                f"forecast_hours: the outcome {early[0]:g} hours ago is not known {hours:g} hours ahead"
            )
        if self.features.means and self.features.known_after < hours:
            raise ValueError("forecast_hours: the means need a known_after that is as long")
        return self

    def _require_names(self) -> None:
        if self.wins and not self.key:
            raise ValueError("wins: there is no key that two rows could have")
        if self.differing and not self.dependencies:
            raise ValueError("differing: there are no dependencies")
        in_file = [column.named or name for name, column in self.columns.items()]
        for what, names in (("key", self.key), ("header", self.header), ("columns", in_file)):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what}: twice the same name: {', '.join(twice)}")
        required = {c.named or name for name, c in self.columns.items() if c.required}
        if self.header and (lacking := sorted(required - set(self.header))):
            raise ValueError(f"header: lacks columns that are required: {', '.join(lacking)}")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f"encoding: {self.encoding!r} is none that Python knows") from None

    @property
    def conditions(self) -> tuple[Check, ...]:
        """Its checks, with its relations as further ones."""
        return self.checks + tuple(
            Check(holds=f"{quoted(one.left)} {one.holds} {quoted(one.right)}")
            for one in self.relations
        )

    def words_of(self, column: Column) -> tuple[str, ...]:
        """The words that stand for no value in this column."""
        return self.missing if column.missing is None else column.missing

    def quoted_words(self, named: str) -> tuple[str, ...]:
        """Words that are text where they stand in quotes, in the column with this name in the source.

        Only a column of texts has them; in one that the contract does not know, those of the contract.
        """
        for name, column in self.columns.items():
            if named == (column.named or name):
                return self.words_of(column) if column.type == "text" else ()
        return self.missing
