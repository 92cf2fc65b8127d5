"""A bad file is refused by a rule, or all of its rows are accounted for."""

import gzip
import io
import json
import random
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from agents.analysis.cleaning.partition import NoSuchColumn, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.services.files.outcomes import SourceError

CONTRACT = Contract(
    name="x",
    time="at",
    key=("id",),
    columns={
        "id": Column(type="text", required=True, longest=100),
        "at": Column(type="time", required=True),
        "n": Column(type="number", low=0),
    },
)
T = "2025-01-01T00:00:00Z"
HEADER = "id,at,n\n"


def zipped(name: str, content: bytes, flag: int = 0) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    data = bytearray(sink.getvalue())
    if flag:
        for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(magic) + offset] |= flag
    return bytes(data)


def parquet() -> bytes:
    sink = io.BytesIO()
    pd.DataFrame({"id": ["a"], "at": [T], "n": [1.0]}).to_parquet(sink)
    return sink.getvalue()


GOOD = f"{HEADER}a,{T},1\nb,{T},2\n".encode()

# name of the file, its bytes, and how many rows are good; None: refused as a whole
CASES: dict[str, tuple[str, bytes, int | None]] = {
    "another delimiter": ("x.csv", GOOD.replace(b",", b";"), 2),
    "mixed delimiters": ("x.csv", GOOD + f"c;{T};3\n".encode(), 2),
    "an unclosed quote": ("x.csv", GOOD + b'"c,3\n', 2),
    "a NUL": ("x.csv", GOOD + f"c\0,{T},3\n".encode(), 2),
    "one long line": ("x.csv", GOOD + b"x" * 3_000_000 + b"\n", 2),
    "many columns": ("x.csv", b",".join(b"c%d" % n for n in range(100_000)) + b"\n", None),
    "ragged": ("x.csv", GOOD + b"c\n" + f"d,{T},3,4,5\n".encode(), 2),
    "two columns of one name": ("x.csv", b"id,at,id\n1,2,3\n", None),
    "a BOM": ("x.csv", b"\xef\xbb\xbf" + GOOD, 2),
    "latin-1": ("x.csv", GOOD + "café".encode("latin-1") + f",{T},3\n".encode(), 2),
    "formulas": ("x.csv", GOOD + f"=cmd(),{T},3\n+1,{T},4\n@x,{T},5\n".encode(), 5),
    "a decimal comma": ("x.csv", GOOD + f'c,{T},"1,5"\n'.encode(), 2),
    "1e309": ("x.csv", GOOD + f"c,{T},1e309\n".encode(), 2),
    "leading zeros": ("x.csv", f"{HEADER}007,{T},1\n7,{T},1\n".encode(), 2),
    "nothing": ("x.csv", b"", None),
    "a header only": ("x.csv", HEADER.encode(), 0),
    "old newlines": ("x.csv", GOOD.replace(b"\n", b"\r"), 2),
    "a name of a megabyte": ("x.csv", b"id,at," + b"n" * 1_100_000 + f"\na,{T},007\n".encode(), None),
    "a long name in quotes": ("x.csv", b'"' + b"x" * 200_000 + b'"\n1\n', None),
    "a NUL in the header": ("x.csv", GOOD.replace(b"n\n", b"n\0\n", 1), 2),
    "mixed newlines": ("x.csv", f"{HEADER}a,{T},1\r\nb,{T},2\n".encode(), 2),
    "UTF-16": ("x.csv", GOOD.decode().encode("utf-16"), None),
    "infinite and not a number": ("x.csv", GOOD + f"c,{T},inf\nd,{T},-0\n".encode(), 3),
    "a cut last line": ("x.jsonl", json.dumps({"id": "a", "at": T}).encode() + b'\n{"id": "b', 1),
    "documents in a row": ("x.json", b'{"id": "a"}{"id": "b"}', 0),
    "a depth bomb": ("x.json", b"[" * 100_000, None),
    "a key twice": ("x.jsonl", b'{"id":"a","id":"b","at":"%s"}\n' % T.encode(), 0),
    "a huge integer": ("x.jsonl", b'{"id":"a","at":"%s","n":%s}\n' % (T.encode(), b"9" * 5_000), 0),
    "types mixed in a column": ("x.jsonl", b'{"id":1,"at":"%s","n":1}\n{"id":"a","at":7,"n":"x"}\n' % T.encode(), 1),
    "what imports": ("x.jsonl", b'{"id":{"__class__":"os.system"},"at":"%s"}\n' % T.encode(), 1),
    "no objects": ("x.jsonl", b"1\n2\n", 0),
    "cut Parquet": ("x.parquet", parquet()[:-30], None),
    "no Parquet": ("x.parquet", GOOD, None),
    "Parquet named CSV": ("x.csv", parquet(), None),
    "cut gzip": ("x.csv.gz", gzip.compress(GOOD)[:-9], None),
    "a gzip bomb": ("x.csv.gz", gzip.compress(b"a" * 30_000_000), None),
    "gzip in gzip": ("x.csv.gz", gzip.compress(gzip.compress(GOOD)), None),
    "a zip": ("x.zip", zipped("a.csv", GOOD), 2),
    "a path out of a zip": ("x.zip", zipped("../../a.csv", GOOD), None),
    "an encrypted zip": ("x.zip", zipped("a.csv", GOOD, flag=1), None),
    "a zip in a zip": ("x.zip", zipped("a.zip", zipped("a.csv", GOOD)), None),
    "another suffix": ("x.exe", GOOD, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file(tmp_path: Path, case: str) -> None:
    name, content, good = CASES[case]
    path = tmp_path / "raw"
    path.write_bytes(content)
    if good is None:
        with pytest.raises(SourceError) as refused:
            read_table([path], name)
        assert refused.value.rule
        assert len(str(refused.value)) < 1_000
        return
    table = read_table([path], name)
    outcome = clean(table, CONTRACT)
    assert len(outcome.good) == good
    assert table.rows == good + len(outcome.quarantine) + outcome.deduplicated
    assert len(json.dumps(outcome.quarantine)) < 1_000_000


@pytest.mark.parametrize(
    "name,content",
    [
        ("x.csv", GOOD.replace(b",", b":")),
        ("x.csv", GOOD.replace(b"id", b"ID")),
        ("x.csv", b"ID,at,n\n"),
        ("x.csv", b"x" * 200_000 + b"\n1\n"),
        ("x.csv", GOOD.replace(b"id", b'"ID"')),  # read record by record
        ("x.csv.gz", gzip.compress(GOOD.replace(b"at", b"when"))),
        ("x.parquet", parquet().replace(b"id", b"ID")),
    ],
    ids=[
        "delimiter",
        "name",
        "no rows",
        "long",
        "record by record",
        "gzip",  # whose bytes have the time in them
        "Parquet",
    ],
)
def test_a_file_without_a_required_column_is_refused_as_a_whole(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / "raw"
    path.write_bytes(content)
    with pytest.raises(
        NoSuchColumn, match=r"no column '(id|at)', which is required; the columns are "
    ):
        clean(read_table([path], name), CONTRACT)


def test_a_json_record_without_a_required_column_is_one_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "raw"
    path.write_bytes(b'{"id": "a", "n": 1}\n')
    outcome = clean(read_table([path], "x.jsonl"), CONTRACT)
    assert outcome.rules == {"at: missing": 1}


def test_one_page_without_a_required_column_refuses_the_partition(tmp_path: Path) -> None:
    for n, content in enumerate((GOOD, GOOD.replace(b"at", b"when"))):
        (tmp_path / str(n)).write_bytes(content)
    with pytest.raises(NoSuchColumn, match="'at', which is required; the columns are id, n"):
        clean(read_table([tmp_path / "0", tmp_path / "1"], "x.csv"), CONTRACT)


@pytest.mark.parametrize(
    "seed", [pytest.param(n, marks=[] if n < 10 else pytest.mark.campaign) for n in range(40)]
)
def test_flipped_bytes_are_refused_or_accounted_for(tmp_path: Path, seed: int) -> None:
    rng, path = random.Random(seed), tmp_path / "raw"
    name, content = rng.choice(
        [("x.parquet", parquet()), ("x.csv.gz", gzip.compress(GOOD)), ("x.csv", GOOD), ("x.zip", zipped("a.csv", GOOD))]
    )  # fmt: skip
    spoilt = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    path.write_bytes(spoilt)
    try:
        table = read_table([path], name)
    except SourceError:
        return
    try:
        outcome = clean(table, CONTRACT)
    except NoSuchColumn:
        return
    assert table.rows == len(outcome.good) + len(outcome.quarantine) + outcome.deduplicated
