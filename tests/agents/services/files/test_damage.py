"""One flipped bit in any file: the reader survives, and what is lost is named."""

import csv
import io
import random
from pathlib import Path

import pytest

from agents.services.files.limits import Limits
from agents.services.files.outcomes import REFUSES_THE_REST
from tests.agents.services.files.flat_rows import flat_rows
from tests.agents.services.files.sources import (
    INTEGERS,
    Outcome,
    gzipped,
    json_lines,
    order,
    parquet,
    read,
    zipped,
)

pytestmark = pytest.mark.slow

ORDERS = [order(number) for number in range(8)]
LIMITS = Limits(memory_bytes=256 << 20, seconds=10)


def as_csv() -> bytes:
    rows = [row for body in ORDERS for row in flat_rows(body)]
    sink = io.StringIO()
    writer = csv.DictWriter(sink, list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


LINES, CSV = json_lines(ORDERS), as_csv()
PARQUET = {
    "plain": parquet(ORDERS, compression="none", use_dictionary=False, write_page_checksum=True),
    "zstd": parquet(ORDERS, compression="zstd", write_page_checksum=True),
    "groups": parquet(ORDERS, row_group_size=3, write_page_checksum=True),
}
PACKED = {
    "a.jsonl.gz": gzipped(LINES),
    "a.csv.gz": gzipped(CSV),
    "a.jsonl.zip": zipped(("a.jsonl", LINES)),
    "a.csv.zip": zipped(("a.csv", CSV)),
}


def flipped(data: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    damaged = bytearray(data)
    damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def others(found: Outcome) -> int:
    """How many records are the original ones."""
    return sum(1 for body in ORDERS if body in found.bodies)


def test_a_flipped_bit_in_json_lines_costs_two_records_at_most(tmp_path: Path) -> None:
    for seed in range(150):
        found = read(tmp_path, "a.jsonl", flipped(LINES, seed), LIMITS)
        assert not found.error, seed
        assert others(found) >= len(ORDERS) - 2, seed
        assert len(found.items) >= len(ORDERS) - 1, seed


def test_a_flipped_bit_in_csv_costs_two_records_or_all_behind_a_broken_quote(
    tmp_path: Path,
) -> None:
    head = CSV.index(b"\n") + 1
    for seed in range(150):
        data = CSV[:head] + flipped(CSV[head:], seed)
        found = read(tmp_path, "a.csv", data, LIMITS, integers=INTEGERS)
        assert not found.error, seed
        known = ORDERS
        if found.bad and found.bad[-1][1] in REFUSES_THE_REST:
            known = ORDERS[: len(found.items)]
        assert others(found) >= len(known) - 2, seed
        assert len(found.items) >= len(known) - 1, seed


def test_a_flipped_bit_in_a_header_is_survived(tmp_path: Path) -> None:
    head = CSV.index(b"\n") + 1
    for seed in range(150):
        found = read(tmp_path, "a.csv", flipped(CSV[:head], seed) + CSV[head:], LIMITS)
        assert found.error or len(found.items) >= len(ORDERS) - 1, seed


@pytest.mark.parametrize("name", PACKED)
def test_a_flipped_bit_in_an_archive_is_noticed(tmp_path: Path, name: str) -> None:
    for seed in range(60):
        found = read(tmp_path, name, flipped(PACKED[name], seed), LIMITS, integers=INTEGERS)
        assert found.error or others(found) == len(ORDERS), seed


def survive(tmp_path: Path, kind: str, seeds: range) -> None:
    for seed in seeds:
        found = read(tmp_path, "a.parquet", flipped(PARQUET[kind], seed), LIMITS)
        assert found.error or len(found.items) == len(ORDERS), seed


@pytest.mark.parametrize("kind", PARQUET)
def test_a_flipped_bit_in_parquet_is_survived(tmp_path: Path, kind: str) -> None:
    survive(tmp_path, kind, range(2))


@pytest.mark.campaign
@pytest.mark.parametrize("kind", PARQUET)
def test_many_flipped_bits_in_parquet_are_survived(tmp_path: Path, kind: str) -> None:
    survive(tmp_path, kind, range(100, 120))
