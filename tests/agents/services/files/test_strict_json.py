"""JSON is taken strictly, and every refusal says which rule and which field."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.files.limits import Limits
from agents.services.files.outcomes import Fault
from agents.services.files.strict_json import StrictJson
from tests.agents.services.files.sources import SMALL

DEEP = b'{"a":' * 100_000

REFUSED = [
    (b"{", "invalid-json", ""),
    (b"{'a': 1}", "invalid-json", ""),
    (b'{"a": 1,}', "invalid-json", ""),
    (b'{"a": 01}', "invalid-json", ""),
    (b'{"a": "x\ty"}', "invalid-json", ""),
    (b'{"a": 1} {"a": 2}', "extra-data", ""),
    (b'{"a": 1}{"a": 2}', "extra-data", ""),
    (b'{"a": 1, "a": 2}', "duplicate-key", "a"),
    (b'{"b": {"a": 1, "a": 1}}', "duplicate-key", "b.a"),
    ('{"\u00e9": 1, "e\u0301": 2}'.encode(), "duplicate-key", "\u00e9"),
    (b'{"a": NaN}', "not-finite", "a"),
    (b'{"a": [1, -Infinity]}', "not-finite", "a[1]"),
    (b'{"a": {"b": 1e999}}', "not-finite", "a.b"),
    (b'{"a": 9223372036854775808}', "integer-range", "a"),
    (b'{"a": -9223372036854775809}', "integer-range", "a"),
    (b'{"a": 1' + b"0" * 150 + b"}", "integer-range", "a"),
    (b'{"a": "\\u0000"}', "nul", "a"),
    (b'{"\\u0000": 1}', "nul", ""),
    (b'{"a": "x\0y"}', "nul", ""),
    (b'{"a": "\\ud800"}', "lone-surrogate", "a"),
    (b'{"b": {"\\udc00": 1}}', "lone-surrogate", "b"),
    (b'{"a": "\xff"}', "encoding", ""),
    (b'{"a": "\xed\xa0\x80"}', "encoding", ""),
    ('{"a": 1}'.encode("utf-16"), "nul", ""),
    (b'\xef\xbb\xbf{"a": 1}', "invalid-json", ""),
    (b'{"a":{"b":{"c":[{}]}}}', "too-deep", ""),
    (DEEP, "too-deep", ""),
    (b"[" * 100_000, "too-deep", ""),
    (b'{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}', "too-many-columns", ""),
    (b'{"a": "' + b"x" * 51 + b'"}', "field-too-long", "a"),
    ('{"a": "' + "\u00e9" * 26 + '"}', "field-too-long", "a"),
    (b"[1]", "not-an-object", ""),
    (b"1", "not-an-object", ""),
    (b'"a"', "not-an-object", ""),
    (b"null", "not-an-object", ""),
    (b"true", "not-an-object", ""),
]


@pytest.mark.parametrize("data, rule, field", REFUSED)
def test_what_is_not_strict_json_is_refused(data: bytes | str, rule: str, field: str) -> None:
    data = data.encode() if isinstance(data, str) else data
    found = StrictJson(SMALL).parse(data)
    assert isinstance(found, Fault)
    assert (found.rule, found.field) == (rule, field)
    assert found.text
    assert "Traceback" not in found.text


@pytest.mark.parametrize(
    "data, body",
    [
        (b'{"a": -9223372036854775808}', {"a": -(2**63)}),
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": 1.50, "b": 1e2}', {"a": 1.5, "b": 100.0}),
        (b'{"a": {"b": {"c": []}}}', {"a": {"b": {"c": []}}}),
        (b'{"a": "[[[[[[[[{{{{\\"[["}', {"a": '[[[[[[[[{{{{"[['}),
        ('{"e\u0301": ["e\u0301"]}'.encode(), {"\u00e9": ["\u00e9"]}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "\U0001f600"}),
        (b'{"a": null, "b": true}', {"a": None, "b": True}),
        (b"{}", {}),
        (b'{"": 1}', {"": 1}),
    ],
)
def test_what_is_strict_json_is_taken(data: bytes, body: dict[str, object]) -> None:
    found = StrictJson(SMALL).parse(data)
    assert found == body
    assert json.dumps(found) == json.dumps(body)


@pytest.mark.parametrize(
    "number", ["9007199254740993.0", "0.12345678901234567890", "1e-400", "12345678901234567.89"]
)
def test_a_number_that_a_float_would_change_is_a_decimal(number: str) -> None:
    assert StrictJson(SMALL).parse(b'{"a": %s}' % number.encode()) == {"a": Decimal(number)}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_was_a_float_is_that_float(number: float) -> None:
    found = StrictJson(SMALL).parse(json.dumps({"a": number}).encode())
    assert isinstance(found, dict)
    assert isinstance(found["a"], float)
    assert found == {"a": number}


def test_a_parser_forgets_the_fault_of_the_record_before() -> None:
    parser = StrictJson(Limits())
    assert isinstance(parser.parse(b'{"a": NaN}'), Fault)
    assert parser.parse(b'{"a": 1}') == {"a": 1}


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u01dE+-. \0\u0301e', max_size=60))
def test_any_bytes_give_an_object_or_a_fault(data: bytes | str) -> None:
    raw = data.encode() if isinstance(data, str) else data
    assert isinstance(StrictJson(SMALL).parse(raw), dict | Fault)
