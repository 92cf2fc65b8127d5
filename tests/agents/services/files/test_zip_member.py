"""A zip holds one plain file; everything cleverer is refused."""

import io
import itertools
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from agents.services.files.limits import Limits
from tests.agents.services.files.sources import gzipped, json_lines, order, parquet, read, zipped

ORDERS = [order(number) for number in range(20)]
BLANK = b" " * 1023 + b"\n"
LINES = json_lines(ORDERS)
GOOD = zipped(("orders.jsonl", LINES))


def linked() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        info = zipfile.ZipInfo("orders.jsonl")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return sink.getvalue()


def encrypted() -> bytes:
    data = bytearray(GOOD)
    data[6] |= 1
    data[GOOD.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def named(name: str) -> bytes:
    """An archive whose member has that name, which zipfile would not write."""
    placeholder = "x" * len(name)
    return zipped((placeholder, LINES)).replace(placeholder.encode(), name.encode())


@pytest.mark.parametrize("name", ["a.zip", "a.jsonl.zip", "a.ndjson.zip"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_plain_member_is_read(tmp_path: Path, name: str, method: int) -> None:
    found = read(tmp_path, name, zipped(("b/orders.jsonl", LINES), method=method))
    assert (found.bodies, found.rule) == (ORDERS, "")


def test_a_zipped_parquet_file_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, "a.zip", zipped(("a.parquet", parquet(ORDERS)))).bodies == ORDERS


@pytest.mark.parametrize(
    "data, rule",
    [
        (b"", "corrupt"),
        (LINES, "corrupt"),
        (GOOD[:-30], "corrupt"),
        (GOOD[:100], "corrupt"),
        (zipped(), "members"),
        (zipped(("a.jsonl", LINES), ("b.jsonl", LINES)), "members"),
        (zipped(("a/", b"")), "not-regular"),
        (linked(), "not-regular"),
        (encrypted(), "encrypted"),
        (named("../orders.jsonl"), "traversal"),
        (named("/etc/orders.jsonl"), "traversal"),
        (named("a/../../orders.jsonl"), "traversal"),
        (named("..\\orders.jsonl"), "traversal"),
        (named("C:\\orders.jsonl"), "traversal"),
        (named("orders.txt\0.jsonl"), "traversal"),
        (zipped(("inner.zip", GOOD)), "nested"),
        (zipped(("inner.jsonl.gz", gzipped(LINES))), "nested"),
        (zipped(("inner.jsonl", GOOD)), "wrong-format"),
        (zipped(("orders.xml", LINES)), "unknown-format"),
        (zipped(("orders.jsonl", b"id,total\n1,2\n")), "wrong-format"),
        (zipped(("orders.jsonl", LINES), method=zipfile.ZIP_BZIP2), "unsupported"),
        (zipped(("orders.jsonl", LINES), method=zipfile.ZIP_LZMA), "unsupported"),
    ],
    ids=itertools.count(),  # an archive holds the time of its making, so it is no name
)
def test_any_other_archive_is_refused(tmp_path: Path, data: bytes, rule: str) -> None:
    found = read(tmp_path, "a.zip", data)
    assert (found.items, found.rule) == ([], rule)


def test_the_archives_name_must_agree_with_its_member(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv.zip", GOOD).rule == "wrong-format"


def test_damaged_data_give_records_and_then_the_error(tmp_path: Path) -> None:
    data = bytearray(zipped(("a.jsonl", LINES), method=zipfile.ZIP_STORED))
    at = data.index(b"zoe@example.com")
    data[at] ^= 1
    found = read(tmp_path, "a.zip", bytes(data))
    assert found.rule == "corrupt"


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = zipped(("a.jsonl", BLANK * 3000))
    assert read(tmp_path, "a.zip", bomb, Limits(ratio_floor=1 << 20)).rule == "bomb"
    assert read(tmp_path, "a.zip", bomb, Limits(file_bytes=1 << 20)).rule == "too-large"


def test_a_lying_directory_does_not_hide_a_bomb(tmp_path: Path) -> None:
    """The announced compressed size is believed only up to the size of the archive."""
    data = bytearray(zipped(("a.jsonl", BLANK * 3000)))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 20, 0x7FFFFFFF)
    found = read(tmp_path, "a.zip", bytes(data), Limits(ratio_floor=1 << 20))
    assert found.rule in {"bomb", "corrupt"}


@pytest.mark.parametrize("offset, value", [(10, 60000), (12, 0x7FFFFFFF)])
def test_a_huge_directory_is_not_read(tmp_path: Path, offset: int, value: int) -> None:
    data = bytearray(GOOD)
    struct.pack_into(
        "<H" if offset == 10 else "<I", data, data.index(b"PK\x05\x06") + offset, value
    )
    assert read(tmp_path, "a.zip", bytes(data)).rule == "members"
