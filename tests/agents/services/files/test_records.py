"""One reader for all formats: it finds the format, keeps the ceilings and loses nothing."""

import json
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest

from agents.services.files import records
from agents.services.files.limits import Limits
from tests.agents.services.files.sources import (
    Outcome,
    gzipped,
    json_lines,
    order,
    parquet,
    read,
    zipped,
)

pytestmark = pytest.mark.slow

ORDERS = [order(number) for number in range(10)]
LINES = json_lines(ORDERS)

Feed = Callable[[bytes], None]


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Puts bytes on standard input."""
    return lambda data: monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(data)))


@pytest.mark.parametrize(
    "data",
    [
        LINES,
        b"\xef\xbb\xbf" + LINES,
        json.dumps(ORDERS).encode(),
        json.dumps(ORDERS, indent=1).encode(),
        gzipped(LINES),
        gzipped(json.dumps(ORDERS).encode()),
        parquet(ORDERS),
        gzipped(parquet(ORDERS)),
    ],
)
def test_standard_input_needs_no_name(feed: Feed, data: bytes) -> None:
    feed(data)
    found = Outcome("-")
    assert (found.bodies, found.rule) == (ORDERS, "")


@pytest.mark.parametrize(
    "data, bodies, rule",
    [
        (b"", [], ""),
        (gzipped(b""), [], ""),
        (b"id;x\n1;2\n", [{"id": "1", "x": "2"}], ""),
        (b'{"a": 1}', [{"a": 1}], ""),
        (b'{\n"a": 1\n}\n', [{"a": 1}], ""),
        (zipped(("a.jsonl", LINES)), [], "wrong-format"),
        (gzipped(gzipped(LINES)), [], "wrong-format"),
        ("id,x\n".encode("utf-16"), [], "encoding"),
    ],
    # By name: a zip tells when it was made, and every process must collect the same tests.
    ids=["nothing", "gzip-of-nothing", "csv", "json", "json-lines", "zip", "gzip-twice", "utf-16"],
)
def test_what_else_comes_on_standard_input(
    feed: Feed, data: bytes, bodies: list[object], rule: str
) -> None:
    feed(data)
    found = Outcome("-")
    assert (found.bodies, found.rule) == (bodies, rule)


def test_a_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert Outcome("-").rule == "cannot-open"


def test_records_of_a_pipe_come_before_its_end() -> None:
    program = (
        "from agents.services.files.records import read_records\n"
        "for record in read_records('-'): print(record.body['a'], flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        for number in (b"1", b"2"):
            reader.stdin.write(b'{"a": ' + number + b"}\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == number + b"\n"
        reader.stdin.close()
        assert reader.wait(10) == 0


def test_the_error_names_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", b"")
    assert str(found.error) == (
        f"{tmp_path}/a.csv: the file is empty: CSV needs a header line (rule empty)"
    )


def test_records_beyond_the_limit_are_refused_not_dropped(tmp_path: Path) -> None:
    found = read(tmp_path, "a.jsonl", LINES, Limits(records=9))
    assert (len(found.bodies), found.rule) == (9, "too-many-records")
    assert read(tmp_path, "a.jsonl", LINES, Limits(records=10)).rule == ""


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.zip"])
def test_bytes_beyond_the_limit_are_refused(tmp_path: Path, name: str) -> None:
    data = {"a.jsonl": LINES, "a.jsonl.gz": gzipped(LINES), "a.zip": zipped(("a.jsonl", LINES))}[
        name
    ]
    assert read(tmp_path, name, data, Limits(file_bytes=len(LINES) - 1)).rule == "too-large"
    assert read(tmp_path, name, data, Limits(file_bytes=len(LINES))).rule == ""


def test_a_slow_reader_ends_at_the_deadline(tmp_path: Path) -> None:
    assert read(tmp_path, "a.jsonl", LINES, Limits(seconds=1e-9)).rule == "deadline"


def random_text() -> str:
    return random.randbytes(500).hex()


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.jsonl.gz"])
def test_memory_stays_flat(tmp_path: Path, name: str) -> None:
    many = [{"id": str(number), "x": random_text()} for number in range(4_000)]
    data = {
        "a.jsonl": json_lines(many),
        "a.json": json.dumps(many).encode(),
        "a.csv": b"id,x\n" + b"".join(b"%s,%s\n" % (b"1", random_text().encode()) for _ in many),
        "a.jsonl.gz": gzipped(json_lines(many)),
    }[name]
    (tmp_path / name).write_bytes(data)
    tracemalloc.start()
    count = sum(1 for _ in records.read_records(tmp_path / name))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 4_000
    assert peak < 3 << 20
