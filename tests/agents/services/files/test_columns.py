"""Column names say where cells go, and may not contradict each other."""

import pytest

from agents.services.files.columns import Column, NoKey, column, columns, key_column
from agents.services.files.limits import Limits
from agents.services.files.outcomes import SourceError


@pytest.mark.parametrize(
    "name, path, item",
    [
        ("a", ("a",), None),
        ("a.b", ("a", "b"), None),
        ("a[].b", ("a",), ("b",)),
        ("a.b[].c.d", ("a", "b"), ("c", "d")),
        ("a[]", ("a",), ()),
        ("No.", ("No.",), None),
        (".a", (".a",), None),
        ("a..b", ("a..b",), None),
        ("a[]b", ("a[]b",), None),
        ("a[].b[].c", ("a[].b[].c",), None),
        ("Sold. Total", ("Sold. Total",), None),
    ],
)
def test_names_are_paths_only_if_they_are_well_formed(
    name: str, path: tuple[str, ...], item: tuple[str, ...] | None
) -> None:
    assert column(name) == Column(name, path, item)


@pytest.mark.parametrize(
    "names",
    [["a", "a"], ["a", "a.b"], ["a.b", "a"], ["k", "a", "a[].b"], ["k", "a[]", "a[].b"],
     ["k", "a.c", "a[].b"], ["k", "a[].b", "a[].b.c"], ["a", ""], ["a\0"]],
)  # fmt: skip
def test_contradicting_names_are_refused(names: list[str]) -> None:
    with pytest.raises(SourceError):
        columns(names, Limits())


def test_names_that_agree_are_taken() -> None:
    names = ["k", "a.b", "a.c", "d[].e", "d[].f", "g.h[].i", "j[]"]
    assert [one.name for one in columns(names, Limits())] == names


def test_the_column_that_identifies_is_found_by_its_name_or_is_the_first() -> None:
    found = columns(["lines[].sku", "total", "id"], Limits())
    assert key_column(found, "id").name == "id"
    assert key_column(found[1:], "").name == "total"


def test_a_table_without_the_column_that_identifies_is_refused() -> None:
    with pytest.raises(SourceError, match="must identify the record, not be a list"):
        key_column(columns(["lines[].sku", "id"], Limits()), "")
    with pytest.raises(NoKey, match=r"no column 'order_id'.*case-sensitive: it has 'Order_ID'"):
        key_column(columns(["total", "Order_ID"], Limits()), "order_id")
