"""What a contract says about the columns of a row, such as `revenue == units * price`: read, and its types checked.

A language of its own and no Python: nothing of it can be called, and each mistake has its place. `or`, `and`,
`not`; comparisons, `in [..]`, `is missing`, `is present`; `+ - * /`; numbers, texts in quotes, durations such
as `30d` or `12h`, `now`, and columns by name, between backticks where a name is no word.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NoReturn

Kind = Literal["number", "text", "time", "duration", "boolean"]
Constant = int | float | str | bool | datetime | timedelta

SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
DURATION = r"\d+[smhdw]\b"
TOKEN = re.compile(
    rf"\s*(?:(?P<duration>{DURATION})|(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)"
    r"""|(?P<text>'[^']*'|"[^"]*")|(?P<column>`[^`]+`)|(?P<word>[^\W\d][\w.]*)"""
    r"|(?P<mark>==|!=|<=|>=|[<>+\-*/()\[\],]))"
)
WORDS = {"and", "or", "not", "in", "is", "missing", "present", "now", "true", "false"}
RESULTS: Mapping[tuple[Kind, str, Kind], Kind] = {
    **{("number", operator, "number"): "number" for operator in "+-*/"},
    **{("duration", operator, "duration"): "duration" for operator in "+-"},
    ("text", "+", "text"): "text",
    ("time", "+", "duration"): "time",
    ("time", "-", "duration"): "time",
    ("time", "-", "time"): "duration",
    ("duration", "*", "number"): "duration",
    ("number", "*", "duration"): "duration",
    ("duration", "/", "number"): "duration",
    ("duration", "/", "duration"): "number",
}
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
DEEPEST = 50  # brackets and signs within each other
LONGEST = 1_000


class BadExpression(ValueError):
    """A text that is no expression over these columns; `place` counts its characters from 1."""

    def __init__(self, text: str, place: int, problem: str) -> None:
        super().__init__(text, place, problem)
        self.text, self.place, self.problem = text, place, problem

    def __str__(self) -> str:
        return f"{self.problem}, at character {self.place} of {self.text!r}"


@dataclass(frozen=True, slots=True)
class Value:
    """A constant; `now` is None."""

    kind: Kind
    value: Constant | None


@dataclass(frozen=True, slots=True)
class Cell:
    """The value of a column."""

    kind: Kind
    column: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and what it is applied to, such as `+`, `==`, `and`, `missing`, `in`."""

    kind: Kind
    operator: str
    parts: tuple["Node", ...]


Node = Value | Cell | Operation


def parsed(text: str, columns: Mapping[str, Kind]) -> Node:
    """The expression that the text is, over columns of these kinds. Raises BadExpression."""
    return _Parser(text, columns).whole()


def columns_of(node: Node) -> tuple[str, ...]:
    """The columns in an expression, each once, in their order."""
    return tuple(dict.fromkeys(_cells(node)))


def _cells(node: Node) -> Iterator[str]:
    if isinstance(node, Cell):
        yield node.column
    elif isinstance(node, Operation):
        for part in node.parts:
            yield from _cells(part)


def quoted(name: str) -> str:
    """The name of a column as an expression has it."""
    plain = re.fullmatch(r"[^\W\d][\w.]*", name) and name not in WORDS
    return name if plain else f"`{name}`"


def duration(text: str) -> timedelta:
    """The duration that a text such as 30d stands for."""
    return timedelta(seconds=int(text[:-1]) * SECONDS[text[-1]])


@dataclass(frozen=True, slots=True)
class _Token:
    sort: str
    text: str
    place: int


class _Parser:
    """Reads from left to right; each method reads what binds as tightly as its name says."""

    def __init__(self, text: str, columns: Mapping[str, Kind]) -> None:
        self._text, self._columns, self._depth = text, columns, 0
        self._tokens = list(self._split())
        self._next = 0

    def whole(self) -> Node:
        node = self._either()
        if self._here.sort != "end":
            self._fail(f"{self._here.text!r} does not belong here")
        if node.kind != "boolean":
            self._fail(f"is a {node.kind}, and nothing that is true or false", 1)
        return node

    def _split(self) -> Iterator[_Token]:
        if len(self._text) > LONGEST:
            self._fail(f"has more than {LONGEST:,} characters", LONGEST)
        place, end = 0, len(self._text.rstrip())
        while place < end:
            match = TOKEN.match(self._text, place)
            if match is None:
                self._fail("cannot be read", place + 1)
            sort = str(match.lastgroup)
            yield _Token(sort, match[sort], match.start(sort) + 1)
            place = match.end()
        yield _Token("end", "", end + 1)

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _fail(self, problem: str, place: int | None = None) -> NoReturn:
        raise BadExpression(self._text, place or self._here.place, problem)

    def _took(self, *texts: str) -> str:
        """The token here if it is one of these, which is then read; else empty."""
        here = self._here
        if here.sort not in {"mark", "word"} or here.text not in texts:
            return ""
        self._next += 1
        return here.text

    def _require(self, *texts: str) -> str:
        return self._took(*texts) or self._fail(f"{' or '.join(texts)} is missing")

    def _either(self) -> Node:
        node = self._both()
        while self._took("or"):
            node = self._logical("or", node, self._both())
        return node

    def _both(self) -> Node:
        node = self._negated()
        while self._took("and"):
            node = self._logical("and", node, self._negated())
        return node

    def _negated(self) -> Node:
        if self._took("not"):
            return self._logical("not", self._nested(self._negated))
        return self._compared()

    def _logical(self, operator: str, *parts: Node) -> Node:
        for part in parts:
            if part.kind != "boolean":
                self._fail(f"{operator!r} takes what is true or false, not a {part.kind}")
        return Operation("boolean", operator, parts)

    def _compared(self) -> Node:
        node = self._sum()
        if self._took("is"):
            return Operation("boolean", self._require("missing", "present"), (node,))
        excluded = self._took("not")
        if self._took("in") or (excluded and self._require("in")):
            found = Operation("boolean", "in", (node, *self._listed(node.kind)))
            return Operation("boolean", "not", (found,)) if excluded else found
        if not (operator := self._took(*COMPARISONS)):
            return node
        left, right = self._same(node, self._sum())
        if left.kind != right.kind:
            self._fail(f"a {left.kind} cannot be compared with a {right.kind}")
        if self._here.text in COMPARISONS:
            self._fail("compare two things at a time, and join comparisons by 'and'")
        return Operation("boolean", operator, (left, right))

    def _listed(self, kind: Kind) -> Iterator[Node]:
        self._require("[")
        while True:
            value = self._atom()
            if not isinstance(value, Value) or value.kind != kind:
                self._fail(f"a list for a {kind} has constants of that kind")
            yield value
            if not self._took(","):
                break
        self._require("]")

    def _same(self, left: Node, right: Node) -> tuple[Node, Node]:
        """Both sides; a text that is compared with a time is a time."""
        kinds = {left.kind, right.kind}
        return (
            (self._as_time(left), self._as_time(right))
            if kinds == {"time", "text"}
            else (left, right)
        )

    def _as_time(self, node: Node) -> Node:
        if not isinstance(node, Value) or not isinstance(node.value, str):
            return node
        try:
            time = datetime.fromisoformat(node.value)
        except ValueError:
            self._fail(f"{node.value!r} is no time such as 2024-01-31 or 2024-01-31T12:00Z")
        return Value("time", time if time.tzinfo else time.replace(tzinfo=UTC))

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._took("+", "-"):
            node = self._calculated(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._signed()
        while operator := self._took("*", "/"):
            node = self._calculated(operator, node, self._signed())
        return node

    def _calculated(self, operator: str, left: Node, right: Node) -> Node:
        kind = RESULTS.get((left.kind, operator, right.kind))
        if kind is None:
            self._fail(f"a {left.kind} {operator} a {right.kind} is not defined")
        return Operation(kind, operator, (left, right))

    def _signed(self) -> Node:
        if not self._took("-"):
            return self._atom()
        node = self._nested(self._signed)
        if node.kind not in {"number", "duration"}:
            self._fail(f"a {node.kind} has no sign")
        return Operation(node.kind, "negative", (node,))

    def _nested(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            self._fail("is nested too deeply")
        node = read()
        self._depth -= 1
        return node

    def _atom(self) -> Node:
        token = self._here
        self._next += token.sort != "end"
        match token.sort:
            case "number":
                whole = token.text.isdigit()
                return Value("number", int(token.text) if whole else float(token.text))
            case "duration":
                return Value("duration", duration(token.text))
            case "text":
                return Value("text", token.text[1:-1])
            case "column":
                return self._column(token, token.text[1:-1])
            case "word" if token.text not in WORDS:
                return self._column(token, token.text)
            case _:
                return self._fixed(token)

    def _fixed(self, token: _Token) -> Node:
        if token.text == "(":
            node = self._nested(self._either)
            self._require(")")
            return node
        if token.text == "now":
            return Value("time", None)
        if token.text not in {"true", "false"}:
            self._fail("a column or a constant is missing", token.place)
        return Value("boolean", token.text == "true")

    def _column(self, token: _Token, name: str) -> Cell:
        if (kind := self._columns.get(name)) is None:
            self._fail(f"column {name!r} is not declared", token.place)
        return Cell(kind, name)
