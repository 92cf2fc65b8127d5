"""JSON lines and documents: every line that is not blank is a record or a bad one."""

import json
from pathlib import Path

import pytest

from tests.agents.services.files.sources import SMALL, json_lines, order, read

GOOD = b'{"a": 1}\n'


@pytest.mark.parametrize(
    "data, good, bad",
    [
        (b"", 0, []),
        (b"\n \r\n\t\n", 0, []),
        (GOOD + b"\n\r\n" + GOOD, 2, []),
        (b'{"a": 1}\r\n{"a": 2}\r\n', 2, []),
        (b"\xef\xbb\xbf" + GOOD, 1, []),
        (GOOD + b"\xef\xbb\xbf" + GOOD, 1, [(2, "invalid-json", "")]),
        (GOOD + b'{"a": 1', 1, [(2, "truncated", "")]),
        (GOOD + b'{"a": 1}', 2, []),
        (GOOD + b'{"a": 1\n' + GOOD, 2, [(2, "invalid-json", "")]),
        (GOOD + b'{"a": 1}{"a": 2}\n' + GOOD, 2, [(2, "extra-data", "")]),
        (GOOD + b"[1]\n" + GOOD, 2, [(2, "not-an-object", "")]),
        (b"[1]\n" + GOOD, 1, [(1, "not-an-object", "")]),
        (b"spoilt\n" + GOOD, 1, [(1, "invalid-json", "")]),
        (GOOD + b'{"a": "\xff"}\n' + GOOD, 2, [(2, "encoding", "")]),
        (GOOD + b'{"a": "\xff\n' + GOOD, 2, [(2, "encoding", "")]),
        (GOOD + b'{"a": "' + b"x" * 10**6 + b'"}\n' + GOOD, 2, [(2, "row-too-long", "")]),
        (GOOD + b" " * 10**6 + b"\n" + GOOD, 2, [(2, "row-too-long", "")]),
        (GOOD + b'{"a":' * 10**5 + b"\n" + GOOD, 2, [(2, "row-too-long", "")]),
        (GOOD + b'{"a": 1, "a": 1}\n' + GOOD, 2, [(2, "duplicate-key", "a")]),
    ],
)
def test_one_bad_line_spoils_no_other(
    tmp_path: Path, data: bytes, good: int, bad: list[tuple[int, str, str]]
) -> None:
    found = read(tmp_path, "a.jsonl", data, SMALL)
    assert (len(found.bodies), found.bad, found.rule) == (good, bad, "")


def test_a_bad_record_names_line_field_and_rule_and_keeps_its_first_bytes(tmp_path: Path) -> None:
    found = read(tmp_path, "a.ndjson", GOOD + b'{"abcdef": {"b": 1e999}}\n', SMALL)
    (bad,) = found.items[1:]
    assert bad.message.startswith("line 2, field abcdef.b: 1e999 is larger than")  # type: ignore[union-attr]
    assert "not-finite" in bad.message  # type: ignore[union-attr]
    assert bad.raw == b'{"abcdef": {"b": 1e9'  # type: ignore[union-attr]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_file_may_be_one_document(tmp_path: Path, indent: int | None) -> None:
    found = read(tmp_path, "a.json", b"\n" + json.dumps(order(1), indent=indent).encode())
    assert found.bodies == [order(1)]
    assert found.items[0].line == 2


def test_a_json_file_may_hold_lines(tmp_path: Path) -> None:
    orders = [order(number) for number in range(5)]
    assert read(tmp_path, "a.json", json_lines(orders)).bodies == orders


@pytest.mark.parametrize(
    "data, rule",
    [
        (b'{\n"a": 1', "truncated"),
        (b'{\n"a": 1}\n{\n"a": 2}', "extra-data"),
        (b'{\n"a": "' + b"x" * 300 + b'"}', "row-too-long"),
        (b'{"a": 1', "truncated"),
    ],
)
def test_a_bad_document_is_one_bad_record(tmp_path: Path, data: bytes, rule: str) -> None:
    assert read(tmp_path, "a.json", data, SMALL).bad == [(1, rule, "")]
