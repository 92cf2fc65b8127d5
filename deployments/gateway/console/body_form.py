"""A form for the body of an item, made from its scenario's model, and the change that it asks for."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import TypeAdapter

MOST_FIELDS = 400
Schema = Mapping[str, Any]
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})(\.\d{1,17})?")
_LIMITS = {
    "maxLength": "maxlength",
    "minimum": "min",
    "maximum": "max",
}


@dataclass(frozen=True, slots=True)
class BodyField:
    """One value of the body.

    Args:
        path: Where it is, such as lines.0.quantity.
        kind: Its type in JSON: string, integer, number or boolean.
        value: What the body has; None if it has none.
        options: The values that are allowed, if only these are.
        limits: Attributes of the input.
        required: Whether the body must have it.

    """

    path: str
    kind: str
    value: Any
    options: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    required: bool = False

    @property
    def group(self) -> str:
        """The path of the object that holds it; empty for the body itself."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """Its name within that object."""
        return self.path.rpartition(".")[2]

    @property
    def text(self) -> str:
        """Its value as the input shows it."""
        if self.value is None:
            return ""
        return self.value if isinstance(self.value, str) else orjson.dumps(self.value).decode()

    def read(self, text: str | None) -> Any:
        """The value that an input gives; None for no value. Raises ValueError."""
        if self.kind == "boolean":
            return text is not None
        if not text:
            return None if self.value is None or self.kind != "string" else ""
        if self.kind == "string":
            return text
        if not _NUMBER.fullmatch(text.strip()):
            raise ValueError(text)
        return orjson.loads(text)


def fields_of(payload: Any, body: Mapping[str, Any]) -> list[BodyField]:
    """The fields of a body of this type, in the model's order; at most MOST_FIELDS."""
    schema = TypeAdapter(payload).json_schema()
    found = list(_walk(schema, schema, body, ""))
    return found[:MOST_FIELDS]


def _walk(
    root: Schema, schema: Schema, value: Any, path: str, *, required: bool = True
) -> Iterator[BodyField]:
    schema = _resolved(root, schema)
    if isinstance(value, Mapping) or (value is None and "properties" in schema):
        known, must = schema.get("properties", {}), schema.get("required", ())
        for name in known:
            below = value.get(name) if value is not None else None
            at = f"{path}.{name}" if path else name
            yield from _walk(root, known[name], below, at, required=required and name in must)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _walk(root, schema.get("items", {}), one, f"{path}.{number}")
    elif schema.get("type") != "array":
        limits = {_LIMITS[name]: schema[name] for name in _LIMITS if name in schema}
        options = tuple(map(str, schema.get("enum", ())))
        kind = schema.get("type") or _kind(value)
        yield BodyField(path, kind, value, options, limits, required)


def _resolved(root: Schema, schema: Schema) -> Schema:
    """The schema without references; of several that are allowed, the first that is not null."""
    if (reference := schema.get("$ref")) is not None:
        return _resolved(root, root["$defs"][reference.rpartition("/")[2]])
    for one in schema.get("anyOf", ()):
        if one.get("type") != "null":
            return _resolved(root, one)
    return schema


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number"}.get(type(value), "string")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for: new values by path, and what is wrong with some inputs, by path."""

    changes: Mapping[str, Any]
    wrong: Mapping[str, str]


def asked(fields: list[BodyField], given: Mapping[str, Any]) -> Asked:
    """The changes of inputs that differ from the body; `given` has the inputs by path."""
    changes, wrong = dict[str, Any](), dict[str, str]()
    for one in fields:
        text = given.get(one.path)
        if text is None and one.kind != "boolean":
            continue  # a form of an earlier page without this input changes nothing
        try:
            value = one.read(text)
        except ValueError:
            wrong[one.path] = "must be a number"
            continue
        if value != one.value and (value, one.value) != (False, None):
            changes[one.path] = value
    return Asked(changes, wrong)


def changed(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the changes; None takes a value away."""
    after = copy.deepcopy(dict(body))
    for path, value in changes.items():
        *parents, last = path.split(".")
        holder: Any = after
        for name in parents:
            holder = holder[int(name)] if isinstance(holder, list) else _member(holder, name)
        if isinstance(holder, list):
            holder[int(last)] = value
        elif value is None:
            holder.pop(last, None)
        else:
            holder[last] = value
    return after


def _member(holder: dict[str, Any], name: str) -> Any:
    if holder.get(name) is None:
        holder[name] = {}
    return holder[name]
