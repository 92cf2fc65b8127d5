"""A JSON array is cut into its elements, wherever chunks end."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.services.files import json_array
from agents.services.files import lines as lines_module
from agents.services.files.clock import Clock
from agents.services.files.json_array import array_elements
from agents.services.files.limits import Limits
from agents.services.files.streams import Stream
from tests.agents.services.files.sources import SMALL, order, read


@pytest.mark.parametrize(
    "data, good, bad, rule",
    [
        (b"[]", 0, [], ""),
        (b" \n[ \n ] \n", 0, [], ""),
        (b'[{"a":1}]', 1, [], ""),
        (b'[\n{"a":1},\n\n{"a":2}\n]\n', 2, [], ""),
        (b'[{"a":"]},{\\""},{"b":[[1,2],{}]}]', 2, [], ""),
        (b'[{"a":1},2,{"a":3}]', 2, [(1, "not-an-object", "")], ""),
        (b'[{"a":1},\n{"a":1,"a":2},\n{"a":3}]', 2, [(2, "duplicate-key", "a")], ""),
        (b'[{"a":1},\n{"a":' + b"9" * 300 + b'},\n{"a":3}]', 2, [(2, "row-too-long", "")], ""),
        (b'[{"a":1},' + b'{"a":' * 20 + b"1" + b"}" * 20 + b",{}]", 2, [(1, "too-deep", "")], ""),
        (b'[{"a":1},]', 1, [(1, "invalid-json", "")], ""),
        (b'[{"a":1},,{"a":2}]', 2, [(1, "invalid-json", "")], ""),
        (b'[{"a":1} {"a":2}]', 0, [(1, "extra-data", "")], ""),
        (b'[{"a":1}},{"a":2}]', 1, [(1, "extra-data", "")], ""),
        (b'[{"a":1},\n{"a":', 1, [(2, "truncated", "")], "truncated"),
        (b'[{"a":1},', 1, [], "truncated"),
        (b"[", 0, [], "truncated"),
        (b'[{"a":1}, {"a":"x}, {"a":2}]', 1, [(1, "invalid-json", "")], "truncated"),
        (b'[{"a":1}] {"a":2}', 1, [], "extra-data"),
        (b'[{"a":1}]]', 1, [], "extra-data"),
    ],
)
def test_elements_are_records_of_their_own(
    tmp_path: Path, data: bytes, good: int, bad: list[tuple[int, str, str]], rule: str
) -> None:
    found = read(tmp_path, "a.json", data, SMALL)
    if rule == "truncated" and bad:
        bad = [(line, "truncated", field) for line, _, field in bad]
    assert (len(found.bodies), found.bad, found.rule) == (good, bad, rule)


def test_lines_are_counted_through_strings_and_blanks(tmp_path: Path) -> None:
    data = json.dumps([order(1), order(2), order(3)], indent=2).encode()
    found = read(tmp_path, "a.json", data)
    height = json.dumps(order(1), indent=2).count("\n") + 1
    assert [item.line for item in found.items] == [2, 2 + height, 2 + 2 * height]


json_values = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a",]}[{\\\n', max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=5), st.integers(1, 7), st.sampled_from([None, 1]))
def test_elements_are_found_wherever_chunks_end(
    values: list[Any], chunk: int, indent: int | None
) -> None:
    data = io.BytesIO(json.dumps(values, indent=indent).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "CHUNK", chunk)
        elements = list(array_elements(Stream(data, 1 << 20, Clock(9)), Limits()))
    assert [json.loads(element.data) for element in elements] == values


EVIL = {"order_id": "EVIL", "lines": [1]}
inner = st.sampled_from(
    [json.dumps(EVIL), f"}},{json.dumps(EVIL)},{{", f'"\n{json.dumps(EVIL)}\n', "x"]
)


@given(
    st.lists(st.fixed_dictionaries({"order_id": st.just("1"), "name": inner}), min_size=1, max_size=4),
    st.sampled_from(["a.json", "a.jsonl"]),
    st.integers(0, 10_000), st.booleans(), st.integers(1, 60), st.integers(20, 200),
)  # fmt: skip
def test_what_stands_in_a_string_is_no_record_even_if_a_byte_is_lost(
    values: list[Any], name: str, where: int, lost: bool, chunk: int, limit: int
) -> None:
    """Quotes within a string are escaped, and an escape outside of a string is no JSON (RFC 8259)."""
    lines = "\n".join(map(json.dumps, values))
    data = (json.dumps(values) if name == "a.json" else lines).encode()
    at = where % len(data)
    data = data[:at] + data[at + 1 :] if lost else data[:at]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "CHUNK", chunk)
        patch.setattr(lines_module, "CHUNK", chunk)
        found = read(Path(folder), name, data, Limits(record_bytes=limit))
    assert EVIL not in found.bodies
