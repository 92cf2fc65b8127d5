"""CSV becomes records with the same shape as JSON; a bad row spoils its record and no other."""

import gzip
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents.services.files.limits import DEFAULTS, Limits
from agents.services.files.outcomes import BadRecord
from agents.services.files.records import Known, read_records
from tests.agents.services.files.sources import INTEGERS, SMALL, gzipped, read, zipped

HEAD = b"id,total,lines[].sku,lines[].quantity\n"
UTF16 = "id,total\n1,2\n".encode("utf-16")


@pytest.mark.parametrize(
    "data, rule",
    [
        (b"", "empty"),
        (b"\n\r\n", "empty"),
        (b"a,a\n1,2\n", "duplicate-header"),
        ("\u00e9,e\u0301\n1,2\n".encode(), "duplicate-header"),
        (b"a,\n1,2\n", "header"),
        (b"a,b\0c\n1,2\n", "header"),
        (b'a,"b\n1,2\n', "header"),
        (b"a.b,a\n1,2\n", "header"),
        (b"lines[].sku,id\n1,2\n", "header"),
        (b"a\xff,b\n1,2\n", "encoding"),
        (b"a,b,c,d,e,f\n", "too-many-columns"),
        (b"a.b.c.d.e,f\n", "too-deep"),
        (b",".join(b"c%d" % i for i in range(10**5)) + b"\n1\n", "header"),
        (UTF16, "encoding"),
        ("id,total\n1,2\n".encode("utf-16-le"), "encoding"),
        (b'{"a": 1}\n', "wrong-format"),
        (b"PAR1....", "wrong-format"),
        (b"\x1f\x8b....", "wrong-format"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused(
    tmp_path: Path, data: bytes, rule: str
) -> None:
    found = read(tmp_path, "a.csv", data, SMALL)
    assert (found.items, found.rule) == ([], rule)


@pytest.mark.parametrize(
    "data, bodies, bad",
    [
        (b"id,total\n", [], []),
        (b"id,total", [], []),
        (b"\xef\xbb\xbfid,total\n1,2\n", [{"id": "1", "total": 2}], []),
        (b"id;total\n1;2\n", [{"id": "1", "total": 2}], []),
        (b"id\ttotal\n1\t2\n", [{"id": "1", "total": 2}], []),
        (b"id|total\n1|2\n", [{"id": "1", "total": 2}], []),
        (b"id\r\n1\r2\n3\r\n", [{"id": "1"}, {"id": "2"}, {"id": "3"}], []),
        (b"id,total\n1;2\n1,2\n", [{"id": "1", "total": 2}], [(2, "ragged-row", "")]),
        (b"id,total\n1\n1,2,3\n1,2\n", [{"id": "1", "total": 2}], [(2, "ragged-row", ""), (3, "ragged-row", "")]),
        (b"id,total\n1,\n,2\n", [{"id": "1"}, {"total": 2}], []),
        (b'id,x\n"1",5\0\n2,2\n', [{"id": "2", "x": "2"}], [(2, "nul", "x")]),
        (b"id,x\n1,Z\xfcrich\n2,Ok\n", [{"id": "2", "x": "Ok"}], [(2, "encoding", "x")]),
        (b"id,x\n1," + b"y" * 51 + b"\n2,Ok\n", [{"id": "2", "x": "Ok"}], [(2, "field-too-long", "x")]),
        (b"id,x\n1," + b"y" * 10**6 + b"\n2,Ok\n", [{"id": "2", "x": "Ok"}], [(2, "row-too-long", "")]),
        (b'id,x\n1,"y\n2,Ok\n', [], [(2, "unclosed-quote", "")]),
        (b'id,x\n1,"y"z\n2,Ok\n', [], [(2, "bad-quote", "")]),
        (b'id,x\n1,"' + b"y\n" * 10**5 + b'"\n2,Ok\n', [{"id": "2", "x": "Ok"}], [(2, "row-too-long", "")]),
        (b"id,x\n=cmd()|'/c calc'!A0,@SUM(1)\n", [{"id": "=cmd()|'/c calc'!A0", "x": "@SUM(1)"}], []),
        (b"id,x\n+1,\t\n", [{"id": "+1", "x": "\t"}], []),
        (b'id,x\n007,"1,5"\n', [{"id": "007", "x": "1,5"}], []),
        ("id,x\n1,e\u0301\n".encode(), [{"id": "1", "x": "\u00e9"}], []),
        (b"No.,Price (net)\n1,2\n", [{"No.": "1", "Price (net)": "2"}], []),
        (b"id,a.b.c,a.b.d\n1,2,3\n", [{"id": "1", "a": {"b": {"c": "2", "d": "3"}}}], []),
    ],
)  # fmt: skip
def test_good_rows_are_records_and_bad_rows_are_named(
    tmp_path: Path,
    data: bytes,
    bodies: list[dict[str, object]],
    bad: list[tuple[int, str, str]],
) -> None:
    found = read(tmp_path, "a.csv", data, SMALL, integers=INTEGERS)
    assert (found.bodies, found.bad, found.rule) == (bodies, bad, "")


@pytest.mark.parametrize(
    "cell, value",
    [
        (b"0", 0), (b"7", 7), (b"-7", -7), (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)), (b'"7"', 7),
        (b"9223372036854775808", "9223372036854775808"), (b"007", "007"), (b"+7", "+7"), (b"-0", "-0"),
        (b" 7", " 7"), (b"7 ", "7 "), (b"1e3", "1e3"), (b"1e309", "1e309"), (b"7.0", "7.0"),
        (b'"1,5"', "1,5"), (b'"7\n"', "7\n"), ("\u0667".encode(), "\u0667"), (b"1_000", "1_000"),
    ],
)  # fmt: skip
def test_only_canonical_integers_become_integers(
    tmp_path: Path, cell: bytes, value: object
) -> None:
    found = read(tmp_path, "a.csv", b"id,total\n1," + cell + b"\n", integers=INTEGERS)
    assert found.bodies == [{"id": "1", "total": value}]


@pytest.mark.parametrize(
    "spoilt, rule",
    [
        (b"B,1,b2\n", "ragged-row"),
        (b"B,1,b2,1,1\n", "ragged-row"),
        (b"B,1,b\xff,1\n", "encoding"),
        (b"B,1,b\0,1\n", "nul"),
        (b"B,2,b2,1\n", "inconsistent-rows"),
        (b"B,1," + b"x" * 60 + b",1\n", "field-too-long"),
        (b"B,1," + b"x" * 6000 + b",1\n", "row-too-long"),
        (b'B,1,"' + b"C,6,c9,1\n" * 6000 + b'",1\n', "row-too-long"),
    ],
)
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_bad_row_spoils_its_whole_record_and_no_other(
    tmp_path: Path, spoilt: bytes, rule: str, place: int
) -> None:
    rows = [b"B,1,b1,1\n", b"B,,b3,3\n", b"B,1,b4,4\n"]
    rows.insert(place, spoilt)
    data = HEAD + b"A,5,a1,1\n" + b"".join(rows) + b"C,6,c1,1\n"
    found = read(tmp_path, "a.csv", data, SMALL, integers=INTEGERS)
    assert [body["id"] for body in found.bodies] == ["A", "C"]
    assert [(line, what) for line, what, _ in found.bad] == [(3, rule)]


@pytest.mark.parametrize(
    "spoilt, rule",
    [
        (b'B,1,"b2,1\n', "unclosed-quote"),
        (b'B,1,"b"2,1\n', "bad-quote"),
        (b'"B,1,b2,1\n', "unclosed-quote"),
        (b' "B",1,b2,1\n', "bad-quote"),
    ],
)
def test_a_broken_quote_spoils_the_record_it_may_belong_to_and_all_that_follow(
    tmp_path: Path, spoilt: bytes, rule: str
) -> None:
    data = HEAD + b"A,5,a1,1\nB,1,b1,1\n" + spoilt + b"C,6,c1,1\nD,6,d1,1\n"
    found = read(tmp_path, "a.csv", data, SMALL)
    assert [body["id"] for body in found.bodies] == ["A"]
    assert found.bad == [(3, rule, "")]
    (bad,) = (item for item in found.items if isinstance(item, BadRecord))
    assert "nothing is read from this line to the end of the file" in bad.message
    assert "(in line 4)" in bad.message


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.zip"])
@pytest.mark.parametrize(
    "cell, bad",
    [
        (b'"Ann\nEVIL,1\n"', []),
        (b'"' + b"Ann\nEVIL,1\n" * 20_000 + b'"', [(2, "row-too-long", "")]),
        (b'"Ann\nEVIL,1\n" y', [(2, "bad-quote", "")]),
        (b'"Ann\nEVIL,1\nmore', [(2, "unclosed-quote", "")]),
    ],
    ids=["good", "too long", "badly quoted", "cut off"],
)
def test_what_stands_in_a_quoted_cell_is_no_record_however_the_file_is_packed(
    tmp_path: Path, name: str, end: bytes, cell: bytes, bad: list[tuple[int, str, str]]
) -> None:
    cell = cell.replace(b"\n", end)
    data = b"id,x" + end + b"1," + cell + end + b"2,y" + end + b"3" + end
    packed = {"a.csv": data, "a.csv.gz": gzipped(data), "a.csv.zip": zipped(("a.csv", data))}
    limits = replace(DEFAULTS, record_bytes=100_000)  # several of the pieces that are read at once
    found = read(tmp_path, name, packed[name], limits)
    goes_on = not bad or bad[0][1] == "row-too-long"
    assert [body["id"] for body in found.bodies] == ["1"] * (not bad) + ["2"] * goes_on
    ragged = [(len(data.splitlines()), "ragged-row", "")] if goes_on else []
    assert found.bad == bad + ragged


def test_a_record_of_too_many_rows_is_bad_and_its_rows_are_not_held(tmp_path: Path) -> None:
    data = HEAD + b"A,1,a,1\n" * 1000 + b"B,1,b,1\n"
    found = read(tmp_path, "a.csv", data, SMALL)
    assert found.bad == [(2, "row-too-long", "")]
    assert [body["id"] for body in found.bodies] == ["B"]


def test_rows_without_a_key_are_bad_one_by_one(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", HEAD + b"A,1,a,1\n,1,b,1\n,1,c,1\n", SMALL)
    assert len(found.bodies) == 1
    assert found.bad == [(3, "missing-key", "id"), (4, "missing-key", "id")]


def test_memory_stays_flat_on_one_huge_line(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(b"id,x\n1,")
        file.truncate(60 << 20)
        file.seek(0, 2)
        file.write(b"\n2,Ok\n")
    found = read(tmp_path, "b.csv", b"id\n")  # warm up
    import tracemalloc  # noqa: PLC0415

    from tests.agents.services.files.sources import Outcome  # noqa: PLC0415

    tracemalloc.start()
    found = Outcome(path, Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.bodies == [{"id": "2", "x": "Ok"}]
    assert [rule for _, rule, _ in found.bad] == ["row-too-long"]
    assert peak < 10 << 20


KEYED = b"total,lines[].sku,id,lines[].quantity\n"


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_rows_belong_together_by_the_key_wherever_it_stands(
    tmp_path: Path, bom: bytes, ends: bytes
) -> None:
    data = KEYED + b"5,a1,A,1\n5,b1,B,1\n,b2,B,2\n5,c1,C,1\n"
    found = read(
        tmp_path, "a.csv", bom + data.replace(b"\n", ends), SMALL, integers=INTEGERS, key="id"
    )
    assert found.bad == []
    assert [(body["id"], body["total"], len(list_of(body))) for body in found.bodies] == [
        ("A", 5, 1), ("B", 5, 2), ("C", 5, 1)
    ]  # fmt: skip


def list_of(body: dict[str, object]) -> list[object]:
    assert isinstance(body["lines"], list)
    return body["lines"]


@pytest.mark.parametrize(
    "spoilt, rule",
    [
        (b"1,b2,B\n", "ragged-row"),
        (b"1,2,b2,B,1\n", "ragged-row"),
        (b"B\n", "ragged-row"),
        (b"1,b\xff,B,1\n", "encoding"),
        (b"1," + b"x" * 60 + b",B,1\n", "field-too-long"),
        (b"2,b2,B,1\n", "inconsistent-rows"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_row_spoils_its_record_and_no_other_also_where_the_key_is_not_first(
    tmp_path: Path, spoilt: bytes, rule: str, place: int
) -> None:
    rows = [b"1,b1,B,1\n", b"1,b3,B,3\n"]
    rows.insert(place, spoilt)
    data = KEYED + b"5,a1,A,1\n" + b"".join(rows) + b"6,c1,C,1\n"
    found = read(tmp_path, "a.csv", data, SMALL, integers=INTEGERS, key="id")
    assert [body["id"] for body in found.bodies] == ["A", "C"]
    assert [what for _, what, _ in found.bad] == [rule]


def test_a_row_that_is_apart_spoils_its_record_even_before_the_record_is_given(
    tmp_path: Path,
) -> None:
    data = KEYED + b"5,a1,A,1\n5,b1,B,1\n5,a2,A,1\n"
    found = read(tmp_path, "a.csv", data, SMALL, integers=INTEGERS, key="id")
    assert [body["id"] for body in found.bodies] == ["B"]
    assert [(line, rule) for line, rule, _ in found.bad] == [(2, "rows-apart"), (4, "rows-apart")]


def test_a_table_that_is_cut_gives_what_came_before_and_its_error(tmp_path: Path) -> None:
    rows = b"".join(b"5,a%d,%d,1\n" % (n, n) for n in range(5_000))
    cut = gzip.compress(KEYED + rows)[:-30]
    found = read(tmp_path, "a.csv.gz", cut, integers=INTEGERS, key="id")
    assert found.rule == "truncated"
    assert [body["id"] for body in found.bodies] == [str(n) for n in range(len(found.bodies))]
    assert len(found.bodies) > 1_000


def test_without_list_columns_each_row_of_a_pipe_is_given_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = iter([b"id,total\n", b"A,1\n", b"B,2\n"])
    pipe = SimpleNamespace(read1=lambda _size: next(waiting, b""))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=pipe))
    records = read_records("-", known=Known(key="id"))
    assert next(records).line == 2
    assert next(waiting) == b"B,2\n"
