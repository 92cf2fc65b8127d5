"""A file's format is what its name says and its first bytes confirm."""

import pytest

from agents.services.files.formats import Format, Packing, claimed, require, sniffed
from agents.services.files.outcomes import SourceError


@pytest.mark.parametrize(
    "name, form, packing",
    [
        ("a.jsonl", Format.JSON_LINES, ""),
        ("A.NDJSON.GZ", Format.JSON_LINES, ".gz"),
        ("a/b.c/d.json", Format.JSON, ""),
        ("a.csv.zip", Format.CSV, ".zip"),
        ("a.zip", None, ".zip"),
        ("a.parquet", Format.PARQUET, ""),
    ],
)
def test_names_claim_a_format(name: str, form: Format | None, packing: str) -> None:
    assert claimed(name) == (form, Packing(packing))


@pytest.mark.parametrize(
    "name", ["", "a", "a.gz", "a.xml", "a.csv.bz2", "a.csv.gz.gz", ".csv", "csv"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(SourceError, match="unknown-format"):
        claimed(name)


@pytest.mark.parametrize(
    "head, form",
    [
        (b"PAR1\x15", Format.PARQUET),
        (b"[", Format.JSON),
        (b"\xef\xbb\xbf \n[", Format.JSON),
        (b'{"a":1}', Format.JSON_LINES),
        (b'{"a":1}\n{', Format.JSON_LINES),
        (b'{"a":1,\n"b":2}', Format.JSON),
        (b"{\n", Format.JSON),
        (b'{"a":\n1}', Format.JSON),
        (b"id,total\n", Format.CSV),
    ],
)
def test_nameless_bytes_are_recognised(head: bytes, form: Format) -> None:
    assert sniffed(head) == form


@pytest.mark.parametrize(
    "form, head",
    [
        (Format.JSON_LINES, b'[{"a":1}]'),
        (Format.JSON_LINES, b"[\n"),
        (Format.JSON_LINES, b"id,total\n1,2\n"),
        (Format.JSON_LINES, b"PAR1"),
        (Format.JSON, b"id,total\n"),
        (Format.JSON, b"1"),
        (Format.CSV, b'{"a":1}'),
        (Format.CSV, b'[{"a":1}]'),
        (Format.CSV, b"\x1f\x8b\x08"),
        (Format.PARQUET, b"id,total\n"),
        (Format.PARQUET, b"PK\x03\x04"),
    ],
)
def test_content_of_another_format_is_refused(form: Format, head: bytes) -> None:
    with pytest.raises(SourceError, match="wrong-format"):
        require(form, head)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("form", [Format.CSV, Format.JSON, Format.JSON_LINES])
def test_wide_text_is_refused_in_clear_words(form: Format, codec: str) -> None:
    with pytest.raises(SourceError, match="save it as UTF-8"):
        require(form, '{"a": 1}\n'.encode(codec))
