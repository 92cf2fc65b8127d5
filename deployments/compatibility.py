"""What a change of a JSON schema breaks, by who depends on it: senders, readers, or what is stored.

| change | request | response | stored |
| --- | --- | --- | --- |
| a field is gone | breaks | breaks | breaks |
| a field is new | breaks if required | harmless | breaks if required, else needs a version |
| a field becomes required / optional | breaks / harmless | harmless / breaks | breaks / harmless |
| a type, value or variant is gone / new | breaks / harmless | harmless / breaks | breaks / harmless |
| a limit, pattern or format is narrower / wider | breaks / harmless | harmless | breaks / harmless |
| a default is another one | breaks | harmless | breaks |
| fields beside the known ones are no longer taken | breaks | harmless | breaks |

Readers of answers ignore fields that they do not know. What is stored must be read by the code after the
change, and by the release before as well, which refuses a field that it does not know unless the version
says that it is newer. A keyword that is not known here breaks whenever it differs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Schema = Any  # a JSON schema as parsed: an object, or true

MINIMA = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MAXIMA = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LIMITED = {"Length": "string", "Items": "array", "Properties": "object"}
TEXT_RULES = ("pattern", "format", "contentEncoding")
COMPARED = frozenset(
    {*MINIMA, *MAXIMA, *TEXT_RULES, "$ref", "$defs", "anyOf", "oneOf", "type", "enum", "const"}
    | {"properties", "required", "additionalProperties", "items", "prefixItems", "default"}
)
ABOUT = frozenset({"title", "description", "examples", "example", "discriminator", "deprecated"})


class Use(StrEnum):
    """Who depends on a schema."""

    REQUEST = "request"  # who sends must still be understood
    RESPONSE = "response"  # who reads must still find what it found
    STORED = "stored"  # what was written must still be read


@dataclass(frozen=True, slots=True)
class Break:
    """One incompatible change; `place` is a path such as lines[].sku.

    `is_gain` marks a new field, for which a higher version is enough and no conversion is needed.
    """

    place: str
    what: str
    is_gain: bool = False

    def __str__(self) -> str:
        return f"{self.place or 'the whole'}: {self.what}"


def breaks(old: Schema, new: Schema, use: Use) -> list[Break]:
    """Everything that the change from `old` to `new` breaks for this use; both stand for themselves."""
    return list(_Comparison(use, old, new).at("", old, new, frozenset()))


@dataclass(frozen=True, slots=True)
class _Comparison:
    use: Use
    old_root: Schema
    new_root: Schema

    def at(self, place: str, old: Schema, new: Schema, seen: frozenset[Any]) -> Iterator[Break]:
        """The breaks of one node and of all below; `seen` are the pairs of names around it."""
        pair = (_name(old), _name(new))
        if all(pair) and pair in seen:
            return
        seen, old, new = seen | {pair}, _resolved(old, self.old_root), _resolved(new, self.new_root)
        if _variants(old) or _variants(new):
            yield from self._variants(place, old, new, seen)
            return
        yield from self._values(place, old, new)
        if not _types(old) & _types(new):
            return  # whatever else differs only follows from it
        if self.use is not Use.RESPONSE:
            yield from _narrower(place, old, new)
        yield from self._fields(place, old, new, seen)
        yield from self._elements(place, old, new, seen)
        for keyword in sorted({*old, *new} - COMPARED - ABOUT):
            if old.get(keyword) != new.get(keyword):
                yield Break(place, f"{keyword} is another one")

    def _variants(
        self, place: str, old: Schema, new: Schema, seen: frozenset[Any]
    ) -> Iterator[Break]:
        """Each variant that somebody depends on must fit one of the other side."""
        before, after = _variants(old) or [old], _variants(new) or [new]
        reading = self.use is Use.RESPONSE
        for one in after if reading else before:
            others = before if reading else after
            pairs = ((other, one) if reading else (one, other) for other in others)
            found = [list(self.at(place, *pair, seen)) for pair in pairs]
            if all(found):
                yield from min(found, key=_harm)

    def _values(self, place: str, old: Schema, new: Schema) -> Iterator[Break]:
        """Types and listed values: none may go for senders, none may come for readers."""
        word, (depended, offered) = "no longer", (old, new)
        if self.use is Use.RESPONSE:
            word, (depended, offered) = "newly", (new, old)
        if lost := _types(depended) - _types(offered):
            yield Break(place, f"{word} {' or '.join(sorted(lost))}")
        listed, known = _listed(offered), _listed(depended)
        if listed is not None and known is None:
            yield Break(place, f"values are {word} free")
        elif listed is not None and known is not None:
            for value in known:
                if value not in listed:
                    yield Break(place, f"{word} the value {value!r}")
        if self.use is Use.RESPONSE and "format" in old and old["format"] != new.get("format"):
            yield Break(place, "format is another one")

    def _fields(
        self, place: str, old: Schema, new: Schema, seen: frozenset[Any]
    ) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed = set(old.get("required", ())), set(new.get("required", ()))
        reading = self.use is Use.RESPONSE
        for name in before:
            path = f"{place}.{name}" if place else name
            if name not in after:
                yield Break(path, "is gone")
                continue
            yield from self.at(path, before[name], after[name], seen)
            if reading and name in needed_before - needed:
                yield Break(path, "may now be missing")
            if not reading and name in needed - needed_before:
                yield Break(path, "is now required")
        for name in sorted(after.keys() - before.keys()):
            path = f"{place}.{name}" if place else name
            if not reading and name in needed:
                yield Break(path, "is new and required")
            elif self.use is Use.STORED:
                yield Break(path, "is new: the release before refuses it", is_gain=True)
        yield from self._further_fields(place, old, new, seen)

    def _further_fields(
        self, place: str, old: Schema, new: Schema, seen: frozenset[Any]
    ) -> Iterator[Break]:
        before = old.get("additionalProperties", True)
        after = new.get("additionalProperties", True)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self.at(f"{place}.*", before, after, seen)
        elif self.use is Use.RESPONSE:
            if isinstance(before, dict) and after is not False:
                yield Break(place, "further fields have any type now")
        elif before is not False and after is not True:
            yield Break(place, "further fields are no longer taken")

    def _elements(
        self, place: str, old: Schema, new: Schema, seen: frozenset[Any]
    ) -> Iterator[Break]:
        if "items" in old or "items" in new:
            yield from self.at(f"{place}[]", old.get("items", {}), new.get("items", {}), seen)
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before) != len(after):
            yield Break(place, "has another number of elements")
        for index, pair in enumerate(zip(before, after, strict=False)):
            yield from self.at(f"{place}[{index}]", *pair, seen)


def _harm(found: list[Break]) -> tuple[bool, int]:
    """The order of variants that do not fit: first those that have only gained fields."""
    return not all(one.is_gain for one in found), len(found)


def _narrower(place: str, old: Schema, new: Schema) -> Iterator[Break]:
    """Rules that take less than before."""
    if _types(old) == {"integer"}:
        old, new = _inclusive(old), _inclusive(new)
    types = _types(old) & _types(new)
    for keyword in (*MINIMA, *MAXIMA):
        before, after = old.get(keyword), new.get(keyword)
        limited = LIMITED.get(keyword.removeprefix("min").removeprefix("max"), "integer")
        if after is None or limited not in types:
            continue  # a limit of another type has no effect
        if before is None or (after > before if keyword in MINIMA else after < before):
            yield Break(place, f"{keyword} is {after}, it was {before}")
    for keyword in TEXT_RULES:
        if keyword in new and new[keyword] != old.get(keyword):
            yield Break(place, f"{keyword} is {new[keyword]!r}")
    if "default" in old and "default" in new and old["default"] != new["default"]:
        yield Break(place, f"the default is {new['default']!r}, it was {old['default']!r}")


def _inclusive(schema: Schema) -> dict[str, Any]:
    """The schema with inclusive limits of integers, so that > 0 equals >= 1."""
    found = dict(schema)
    for exclusive, inclusive, step in (
        ("exclusiveMinimum", "minimum", 1),
        ("exclusiveMaximum", "maximum", -1),
    ):
        if exclusive in found:
            found[inclusive] = found.pop(exclusive) + step
    return found


ALL_TYPES = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})


def _types(schema: Schema) -> set[str]:
    found = schema.get("type")
    if found is None:
        listed = _listed(schema)
        return set(ALL_TYPES) if listed is None else {_type_of(value) for value in listed}
    types = {found} if isinstance(found, str) else set(found)
    return types | {"integer"} if "number" in types else types


def _type_of(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return "null" if value is None else names.get(type(value), "object")


def _listed(schema: Schema) -> list[Any] | None:
    """The only values that the schema allows; None for any."""
    if "const" in schema:
        return [schema["const"]]
    found: list[Any] | None = schema.get("enum")
    return found


def _variants(schema: Schema) -> list[Schema]:
    found: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return found


def _name(schema: Schema) -> str:
    return str(schema.get("$ref", "")) if isinstance(schema, dict) else ""


def _resolved(schema: Schema, root: Schema) -> Mapping[str, Any]:
    """The schema that a reference names, with what stands beside the reference."""
    if not isinstance(schema, dict):
        return {}  # `true`: anything
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**_resolved(root["$defs"][name], root), **beside}
