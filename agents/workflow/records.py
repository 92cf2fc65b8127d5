"""Records of a pydantic model: read from a source, checked, and what is wrong with them in words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

import orjson
from pydantic import BaseModel, ValidationError

from agents.runtime import PermanentError, Rejection, Submission
from agents.services.files.outcomes import ENDS_READING
from agents.services.files.records import BadRecord, Known, Record, SourceError, read_records
from agents.workflow.fields import INTAKE, BrokenRule

M = TypeVar("M", bound=BaseModel)

MOST_PROBLEMS = 50
SHOWN_PROBLEMS = 5
LONGEST_NAME = 40  # characters that are shown of a sender's own field name
COUNTED_BYTES = 64 * 2**20  # a larger file is not read twice to count its records

# pydantic's error type -> our rule, and where pydantic keeps the limit
RULES = {
    "missing": ("missing", None),
    "extra_forbidden": ("unknown-field", None),
    "invalid_key": ("unknown-field", None),
    "string_pattern_mismatch": ("pattern", "pattern"),
    "string_too_short": ("too-short", "min_length"),
    "string_too_long": ("too-long", "max_length"),
    "string_unicode": ("control-character", None),
    "greater_than": ("out-of-range", "gt"),
    "greater_than_equal": ("out-of-range", "ge"),
    "less_than": ("out-of-range", "lt"),
    "less_than_equal": ("out-of-range", "le"),
    "timezone_aware": ("date", None),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a record: which field breaks which rule, and the rule's limit."""

    field: str
    rule: str
    limit: str | int | None
    message: str


class InvalidRecord(PermanentError):
    """The record cannot be taken; its problems, at most 50, never hold what was sent."""

    noun: ClassVar[str] = "record"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return f"{self.noun} refused: " + "; ".join(
            f"{problem.field or self.noun} ({problem.rule}): {problem.message}"
            for problem in self.problems
        )

    def in_short(self) -> str:
        """The first problems with rule and limit, and how many more there are."""
        shown, hidden = self.problems[:SHOWN_PROBLEMS], self.problems[SHOWN_PROBLEMS:]
        text = "; ".join(
            f"{p.field or self.noun}: {p.message} (rule {p.rule}"
            + (f", limit {p.limit})" if p.limit is not None else ")")
            for p in shown
        )
        return text + (f"; and {len(hidden)} more" if hidden else "")


class Records(Generic[M]):
    """The records of one model, each known by the field `key`.

    `check` makes the model of a body where the model alone does not say all, and raises InvalidRecord.
    """

    def __init__(
        self,
        model: type[M],
        key: str,
        check: Callable[[Mapping[str, object]], M] | None = None,
        known: Known | None = None,
    ) -> None:
        self._key = key
        self._known = known or Known(integer_fields(model), key)
        self._check = check or (lambda body: shaped(model, body))

    def read(self, source: str) -> Iterator[Submission | Rejection]:
        """The records of the source, one after the other, each good or rejected; "-" is standard input.

        Raises SourceError if nothing of the source can be read; a source that breaks off later ends
        with a rejection that says where.
        """
        line = 0
        try:
            for record in self._records(source):
                line = record.line
                yield _unread(record) if isinstance(record, BadRecord) else self._checked(record)
        except SourceError as error:
            if line == 0:
                raise
            yield Rejection(line, error.rule, f"after line {line}: {error}", cut=True)

    def count(self, source: str) -> int | None:
        """How many records the source holds; None for standard input and for large files."""
        path = Path(source)
        if source == "-" or not path.is_file() or path.stat().st_size > COUNTED_BYTES:
            return None
        try:
            return sum(1 for _ in self._records(source))
        except SourceError:
            return None

    def _records(self, source: str) -> Iterator[Record | BadRecord]:
        return read_records(source, known=self._known)

    def validate(self, body: dict[str, Any]) -> tuple[str, str]:
        """Key and canonical body, as a Scenario wants them. Raises InvalidRecord."""
        found = self._check(body)
        return str(getattr(found, self._key)), canonical(found)

    def _checked(self, record: Record) -> Submission | Rejection:
        try:
            found = self._check(record.body)
        except InvalidRecord as error:
            raw = orjson.dumps(record.body, default=str, option=orjson.OPT_NON_STR_KEYS)
            message = f"line {record.line}: {error.in_short()}"
            return Rejection(record.line, error.problems[0].rule, message, raw)
        return Submission(str(getattr(found, self._key)), canonical(found), found, record.line)


def _unread(record: BadRecord) -> Rejection:
    cut = record.rule in ENDS_READING
    return Rejection(record.line, record.rule, record.message, record.raw, cut)


def shaped(
    model: type[M], body: Mapping[str, object], error: type[InvalidRecord] = InvalidRecord
) -> M:
    """The body as the model. Raises `error` with every field that does not fit."""
    try:
        return model.model_validate(body, context=INTAKE)
    except ValidationError as found:
        problems = tuple(islice(_problems(found), MOST_PROBLEMS))
    # raised out here so that the body is not kept alive in the error's context
    raise error(problems)


def canonical(record: BaseModel) -> str:
    """The record as JSON that is equal for equal records, whatever file they came from."""
    return orjson.dumps(record.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()


def integer_fields(model: type[BaseModel]) -> frozenset[str]:
    """The columns of a table that hold integers: total, lines[].quantity."""
    return frozenset(_integer_fields(model, ""))


def _integer_fields(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        is_many = get_origin(field.annotation) is tuple
        item = get_args(field.annotation)[0] if is_many else field.annotation
        path = f"{prefix}{name}[]" if is_many else f"{prefix}{name}"
        if item is int:
            yield path
        elif isinstance(item, type) and issubclass(item, BaseModel):
            yield from _integer_fields(item, f"{path}.")


def _problems(error: ValidationError) -> Iterator[Problem]:
    for found in error.errors(include_url=False, include_input=False):
        context, field = found.get("ctx", {}), _field(found["loc"])
        broken = context.get("error")
        if isinstance(broken, BrokenRule):
            yield Problem(field, broken.rule, broken.limit, broken.message)
        else:
            rule, key = RULES.get(found["type"], ("type", None))
            yield Problem(field, rule, context.get(key) if key else None, found["msg"])


def _field(location: tuple[int | str, ...]) -> str:
    """The place as a path, lines[0].sku; a sender's own names are escaped and cut."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part.encode("unicode_escape").decode("ascii")[:LONGEST_NAME]
            path += f".{name}" if path else name
    return path
