"""Rows that repeat the first cell make one record."""

from collections.abc import Iterator

from agents.services.files.apart import Apart
from agents.services.files.columns import columns
from agents.services.files.limits import Limits
from agents.services.files.nesting import Row, Table, find_apart, nested
from agents.services.files.outcomes import BadRecord, Fault, Record


def outcomes(names: list[str], *rows: list[object]) -> list[Record | BadRecord]:
    def table() -> Table:
        found = columns(names, Limits())
        return Table(found, found[0], numbered(rows))

    apart = Apart()
    find_apart(table(), Limits(), apart)
    return list(nested(table(), Limits(), apart))


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


def test_rows_of_one_record_that_are_apart_are_refused_at_each_place() -> None:
    first, other, last = outcomes(["k", "l[].s"], ["A", "x"], ["B", "y"], ["A", "z"])
    assert other == Record(2, {"k": "B", "l": [{"s": "y"}]})
    for line, item in ((1, first), (3, last)):
        assert isinstance(item, BadRecord)
        assert (item.line, item.rule) == (line, "rows-apart")
        assert "lines 1 and 3" in item.message


def test_a_record_that_is_there_twice_with_the_same_rows_comes_twice() -> None:
    rows: list[list[object]] = [["A", "x"], ["A", "y"]]
    found = outcomes(["k", "l[].s"], *rows, ["B", "y"], *rows)
    assert [type(item) for item in found] == [Record, Record, Record]
    assert (found[0].line, found[2].line) == (1, 4)


def test_a_bad_row_far_from_its_record_refuses_the_record() -> None:
    fault = Fault("encoding", "s", "is no UTF-8")
    found = outcomes(["k", "l[].s"], ["A", "x"], ["B", "y"], ["A", fault])
    rules = [getattr(item, "rule", "") for item in found]
    assert rules == ["rows-apart", "", "encoding"]


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
