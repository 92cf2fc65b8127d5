"""Rows that repeat the first cell make one record."""

from collections.abc import Iterator

from agents.services.files.columns import columns
from agents.services.files.limits import Limits
from agents.services.files.nesting import Row, nested
from agents.services.files.outcomes import BadRecord, Fault, Record


def outcomes(names: list[str], *rows: list[object]) -> list[Record | BadRecord]:
    return list(nested(columns(names, Limits()), numbered(rows), Limits()))


def numbered(rows: tuple[list[object], ...]) -> Iterator[Row]:
    for line, cells in enumerate(rows, 1):
        if isinstance(cells[-1], Fault):
            yield Row(line, cells[0], (), b"raw", cells[-1])
        else:
            yield Row(line, cells[0], cells, b"raw")


def test_order_cells_may_be_repeated_or_blank() -> None:
    found = outcomes(["k", "t", "l[].s"], ["A", 1, "x"], ["A", None, "y"], ["A", 1, "z"])
    assert found == [Record(1, {"k": "A", "t": 1, "l": [{"s": "x"}, {"s": "y"}, {"s": "z"}]})]


def test_a_value_that_comes_later_only_is_inconsistent() -> None:
    (bad,) = outcomes(["k", "t", "l[].s"], ["A", None, "x"], ["A", 1, "y"])
    assert isinstance(bad, BadRecord)
    assert (bad.line, bad.rule, bad.field, bad.raw) == (1, "inconsistent-rows", "t", b"rawraw")


def test_only_consecutive_rows_are_one_record() -> None:
    found = outcomes(["k", "l[].s"], ["A", "x"], ["B", "y"], ["A", "z"])
    assert [item.line for item in found] == [1, 2, 3]


def test_without_list_columns_each_row_is_a_record() -> None:
    assert len(outcomes(["k", "t"], ["A", 1], ["A", 1])) == 2


def test_items_without_cells_are_no_items() -> None:
    found = outcomes(["k", "l[].s", "m[]"], ["A", None, None], ["B", "x", 1], ["B", None, 2])
    assert found[0] == Record(1, {"k": "A"})
    assert found[1] == Record(2, {"k": "B", "l": [{"s": "x"}], "m": [1, 2]})


def test_the_first_fault_of_a_record_is_named_with_its_line() -> None:
    first, second = Fault("nul", "t", "holds NUL"), Fault("encoding", "t", "is latin-1")
    found = outcomes(["k", "l[].s"], ["A", "x"], ["A", first], ["A", second], ["B", "y"])
    assert isinstance(found[0], BadRecord)
    assert (found[0].line, found[0].rule) == (1, "nul")
    assert "in line 2" in found[0].message
    assert found[1] == Record(4, {"k": "B", "l": [{"s": "y"}]})
