"""Each key is published once over all partitions; the row of the later partition wins, whatever the groups."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.analysis import unique_rows
from agents.analysis.contract import Contract
from agents.analysis.models import Part
from agents.analysis.unique_rows import unique_parts

LONG = 2**53
SCHEMA = pa.schema([("at", pa.timestamp("us", "UTC")), ("n", pa.int64()), ("v", pa.string())])


def contract(*key: str) -> Contract:
    columns = {"at": {"type": "time"}, "n": {"type": "integer"}, "v": {"type": "text"}}
    return Contract.model_validate({"name": "x", "time": "at", "key": key, "columns": columns})


Rows = list[tuple[int | None, str | None]]


def parts_of(folder: Path, tables: list[Rows]) -> list[Part]:
    """One part for each list of rows of `n` and `v`, in the order of their names."""
    parts = []
    for number, rows in enumerate(tables):
        path = folder / str(number) / "part.parquet"
        path.parent.mkdir(exist_ok=True)
        body = [{"at": 0, "n": n, "v": v} for n, v in rows]
        pq.write_table(pa.Table.from_pylist(body, SCHEMA), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        parts.append(
            Part(source="x", name=str(number), file=f"{number}/part.parquet", rows=len(rows), sha256=digest)
        )  # fmt: skip
    return parts


def rows_of(folder: Path, part: Part) -> Rows:
    path = folder / part.file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == part.sha256
    table = pq.read_table(path)
    assert (table.schema, len(table)) == (SCHEMA, part.rows)
    return [(row["n"], row["v"]) for row in table.to_pylist()]


@pytest.mark.parametrize(
    "key,tables,published",
    [
        (["n"], [[(1, "a"), (2, "b")], [(1, "a"), (2, "b")]], [[], [(1, "a"), (2, "b")]]),
        (["n"], [[(1, "old"), (2, "b")], [(1, "new")]], [[(2, "b")], [(1, "new")]]),
        (["n"], [[(LONG, "a")], [(LONG + 1, "b")]], [[(LONG, "a")], [(LONG + 1, "b")]]),
        (
            ["n"],
            [[(None, "a"), (LONG + 1, "b")], [(None, "a"), (LONG, "c")]],
            [[(None, "a"), (LONG + 1, "b")], [(None, "a"), (LONG, "c")]],
        ),
        (["n", "v"], [[(1, "a")], [(1, "b")], [(1, "a")]], [[], [(1, "b")], [(1, "a")]]),
        ([], [[(1, "a"), (1, None)], [(1, "b"), (1, None)]], [[(1, "a")], [(1, "b"), (1, None)]]),
        (["n"], [[], [(1, "a")], []], [[], [(1, "a")], []]),
        (["n"], [[(1, "a")]], [[(1, "a")]]),
    ],
    ids=["one file twice", "a correction", "long keys", "no key", "two columns", "whole rows", "empty", "alone"],
)  # fmt: skip
def test_the_later_row_is_published(
    tmp_path: Path, key: list[str], tables: list[Rows], published: list[Rows]
) -> None:
    unique = unique_parts(tmp_path, contract(*key), parts_of(tmp_path, tables))
    assert [rows_of(tmp_path, part) for part in unique] == published
    assert not list(tmp_path.rglob(".*"))


numbers = st.integers(LONG - 3, LONG + 3) | st.none()
words = st.sampled_from(["a", "b", None])


@pytest.mark.campaign
@given(
    st.lists(st.lists(st.tuples(numbers, words), max_size=8), min_size=1, max_size=4),
    st.sampled_from([("n",), ("n", "v"), ()]), st.integers(1, 20),
)  # fmt: skip
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_groups_of_any_size_give_the_same(
    tmp_path: Path, tables: list[Rows], key: tuple[str, ...], cells: int
) -> None:
    def compared(row: tuple[int | None, str | None]) -> tuple[object, ...]:
        return row[:1] if key == ("n",) else row

    tables = [list({compared(row): row for row in rows}.values()) for rows in tables]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unique_rows, "CELLS", cells)
        unique = unique_parts(tmp_path, contract(*key), parts_of(tmp_path, tables))
    for number, (part, rows) in enumerate(zip(unique, tables, strict=True)):
        later = {compared(row) for table in tables[number + 1 :] for row in table}
        is_kept = [
            compared(row) not in later or (bool(key) and None in compared(row)) for row in rows
        ]
        assert rows_of(tmp_path, part) == [r for r, kept in zip(rows, is_kept, strict=True) if kept]


def test_a_second_time_gives_the_same_files(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, [[(1, "a"), (2, "b")], [(1, "a")]])
    assert unique_parts(tmp_path, contract("n"), parts) == unique_parts(
        tmp_path, contract("n"), parts
    )
    assert len(list(tmp_path.rglob("*.parquet"))) == 4
    (replaced,) = tmp_path.rglob("*-replaced.parquet")
    assert pq.read_table(replaced)["v"].to_pylist() == ["a"]


@pytest.mark.parametrize(
    "wins,published",
    [
        ("first", [[(1, "b"), (2, "b")], [(None, "x")]]),
        ("last", [[], [(1, "a"), (2, "c"), (None, "x")]]),
        ("highest v", [[(1, "b")], [(2, "c"), (None, "x")]]),
        ("lowest v", [[(2, "b")], [(1, "a"), (None, "x")]]),
    ],
)
def test_the_contract_may_say_which_row_wins(
    tmp_path: Path, wins: str, published: list[Rows]
) -> None:
    tables: list[Rows] = [[(1, "b"), (2, "b")], [(1, "a"), (2, "c"), (None, "x")]]
    by = contract("n").model_copy(update={"wins": wins})
    unique = unique_parts(tmp_path, by, parts_of(tmp_path, tables))
    found = [rows_of(tmp_path, part) for part in unique]
    assert found == published


def test_parts_of_an_earlier_contract_have_other_columns(tmp_path: Path) -> None:
    parts = parts_of(tmp_path, [[(1, "a")], [(1, "a"), (2, "b")]])
    more = pq.read_table(tmp_path / "1/part.parquet").append_column("w", pa.array([None, "x"]))
    pq.write_table(more, tmp_path / "1/part.parquet")
    assert [part.rows for part in unique_parts(tmp_path, contract(), parts)] == [0, 2]
