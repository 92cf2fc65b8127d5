"""JSON by the letter: no duplicate keys, no NaN, no number that cannot be held."""

import json
import math
import re
import sys
from decimal import Decimal

from agents.services.files.exact import SURE_DIGITS, is_exact
from agents.services.files.limits import Limits
from agents.services.files.outcomes import Fault
from agents.services.files.text import clean

_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_INT64 = 1 << 63


class StrictJson:
    """A parser of single objects; not for use by two threads at once."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._faults = 0
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._float,
            parse_constant=self._constant,
        )

    def parse(self, data: bytes) -> dict[str, object] | Fault:
        """The object in `data`, or the first reason why it is refused."""
        text = _decoded(data)
        if isinstance(text, Fault):
            return text
        if _deeper(text, self._limits.depth):
            return Fault("too-deep", "", f"nested deeper than {self._limits.depth} levels")
        self._faults = 0
        try:
            value = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            return _syntax(error)
        return self._judged(value, text)

    def _judged(self, value: object, text: str) -> dict[str, object] | Fault:
        harmless = text.isascii() and "\\u" not in text and len(text) <= self._limits.field_bytes
        if self._faults or not harmless:
            value = self._walk(value)
        if isinstance(value, Fault):
            return value
        if not isinstance(value, dict):
            return Fault("not-an-object", "", f"is {_kind(value)}, not an object")
        return value

    def _walk(self, value: object) -> object:
        """The value with its strings clean, or its first fault with the path to it."""
        if isinstance(value, str):
            return clean(value, self._limits)
        if isinstance(value, dict):
            return self._walk_dict(value)
        if isinstance(value, list):
            return self._walk_list(value)
        return value

    def _walk_dict(self, value: dict[str, object]) -> dict[str, object] | Fault:
        for key, entry in value.items():
            walked = self._walk(entry)
            if isinstance(walked, Fault):
                return walked.inside(key)
            value[key] = walked
        return value

    def _walk_list(self, value: list[object]) -> list[object] | Fault:
        for index, entry in enumerate(value):
            walked = self._walk(entry)
            if isinstance(walked, Fault):
                return walked.inside(f"[{index}]")
            value[index] = walked
        return value

    # The parser knows no paths: its hooks leave a Fault in the tree and _walk finds where.

    def _fault(self, rule: str, field: str, text: str) -> Fault:
        self._faults += 1
        return Fault(rule, field, text)

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object] | Fault:
        if len(pairs) > self._limits.columns:
            return self._fault(
                "too-many-columns", "", f"has more than {self._limits.columns} fields"
            )
        entries: dict[str, object] = {}
        for raw, value in pairs:
            key = clean(raw, self._limits)
            if isinstance(key, Fault):
                return self._fault(key.rule, "", f"a key {key.text}")
            if key in entries:
                return self._fault("duplicate-key", key[:100], "the key is there twice")
            entries[key] = value
        return entries

    def _integer(self, digits: str) -> int | Fault:
        # Length first: converting a million digits takes time that grows with their square.
        if len(digits.lstrip("-")) <= self._limits.integer_digits:
            number = int(digits)
            if -_INT64 <= number < _INT64:
                return number
        return self._fault("integer-range", "", "the integer does not fit 64 bits")

    def _float(self, digits: str) -> float | Decimal | Fault:
        """The number as a float; as a decimal if a float would be another number."""
        number = float(digits)
        if math.isinf(number):
            return self._fault(
                "not-finite", "", f"{digits[:40]} is larger than any number that can be held"
            )
        unsure = len(digits) > SURE_DIGITS or abs(number) < sys.float_info.min
        return Decimal(digits) if unsure and not is_exact(digits) else number

    def _constant(self, name: str) -> Fault:
        return self._fault("not-finite", "", f"{name} is not a number in JSON")


def _decoded(data: bytes) -> str | Fault:
    if b"\0" in data:
        return Fault("nul", "", f"holds a NUL byte at byte {data.index(0) + 1}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return Fault("encoding", "", f"is not UTF-8 at byte {error.start + 1}")


def _deeper(text: str, limit: int) -> bool:
    """Whether brackets nest deeper; known before parsing, as the parser recurses."""
    if text.count("{") + text.count("[") <= limit:
        return False
    depth = 0
    for token in _STRUCTURE.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > limit:
                return True
        elif first != '"':
            depth -= 1
    return False


def _syntax(error: json.JSONDecodeError) -> Fault:
    if error.msg.startswith("Extra data"):
        return Fault("extra-data", "", f"something follows the record at character {error.pos + 1}")
    return Fault("invalid-json", "", f"is not JSON: {error.msg} at character {error.pos + 1}")


def _kind(value: object) -> str:
    names = {list: "a list", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
