"""gzip is streamed, bounded, and never cut off unnoticed."""

import zlib
from pathlib import Path

import pytest

from agents.services.files.limits import Limits
from tests.agents.services.files.sources import gzipped, json_lines, order, read

ORDERS = [order(number) for number in range(300)]
BLANK = b" " * 1023 + b"\n"
LINES = json_lines(ORDERS)
PACKED = gzipped(LINES)


def test_a_packed_file_is_read() -> None:
    assert zlib.decompress(PACKED, 31) == LINES


@pytest.mark.parametrize(
    "data",
    [PACKED, gzipped(LINES[:1000]) + gzipped(b"") + gzipped(LINES[1000:]), PACKED + b"\0" * 512],
)
def test_all_members_and_padding_are_read(tmp_path: Path, data: bytes) -> None:
    found = read(tmp_path, "a.jsonl.gz", data)
    assert (found.bodies, found.bad, found.rule) == (ORDERS, [], "")


@pytest.mark.parametrize("cut", [1, 8, 9, 100, len(PACKED) // 2])
def test_a_cut_file_gives_its_records_and_then_the_error(tmp_path: Path, cut: int) -> None:
    found = read(tmp_path, "a.jsonl.gz", PACKED[:-cut])
    assert found.rule == "truncated"
    assert found.bodies == ORDERS[: len(found.bodies)]
    assert found.bad == []
    assert len(found.bodies) > (250 if cut < 10 else 50)


@pytest.mark.parametrize(
    "data, rule",
    [
        (b"", "wrong-format"),
        (b"\x1f\x8b", "truncated"),
        (LINES, "wrong-format"),
        (PACKED + b"more", "corrupt"),
        (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], "corrupt"),
        (gzipped(PACKED), "wrong-format"),
        (gzipped(b"PK\x03\x04...."), "wrong-format"),
    ],
)
def test_what_is_no_single_gzip_is_refused(tmp_path: Path, data: bytes, rule: str) -> None:
    assert read(tmp_path, "a.jsonl.gz", data).rule == rule


def test_a_bomb_is_refused_by_its_ratio(tmp_path: Path) -> None:
    limits = Limits(ratio_floor=1 << 20)
    bomb = gzipped(b'{"a": 1}\n' + BLANK * 3000)
    assert read(tmp_path, "a.jsonl.gz", bomb, limits).rule == "bomb"
    assert read(tmp_path, "a.jsonl.gz", bomb, Limits()).rule == ""


def test_a_bomb_is_refused_by_its_size(tmp_path: Path) -> None:
    bomb = gzipped(BLANK * 3000)
    assert read(tmp_path, "a.jsonl.gz", bomb, Limits(file_bytes=1 << 20)).rule == "too-large"


def test_many_empty_members_end(tmp_path: Path) -> None:
    assert read(tmp_path, "a.jsonl.gz", gzipped(b"") * 5000).items == []
