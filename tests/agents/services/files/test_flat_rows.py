"""Flat rows are the inverse of reading a table: the same orders from JSON lines, CSV and Parquet."""

import csv
import io
import tempfile
import unicodedata
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents.services.files.flat_rows import flat_rows
from tests.agents.services.files.sources import INTEGERS, json_lines, order, parquet, read


def as_csv(bodies: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    rows = [row for body in bodies for row in flat_rows(body)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    sink = io.StringIO()
    # The header of a single column does not show a delimiter: it counts as a comma.
    writer = csv.DictWriter(sink, names, delimiter=delimiter if len(names) > 1 else ",")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue().encode()


def test_an_order_is_as_many_rows_as_it_has_lines() -> None:
    assert flat_rows(order(1)) == [
        {
            "order_id": "A001", "customer.id": "C1", "customer.name": "Zo\u00eb",
            "customer.email": "zoe@example.com", "total": 2, "lines[].sku": "SKU-1-0",
            "lines[].name": "Bo\u0142t", "lines[].quantity": 1, "lines[].unit_price": 5,
        },
        {
            "order_id": "A001", "lines[].sku": "SKU-1-1",
            "lines[].name": "Bo\u0142t", "lines[].quantity": 2, "lines[].unit_price": 5,
        },
    ]  # fmt: skip


def test_the_absent_is_left_out() -> None:
    assert flat_rows({"k": 1, "a": None, "b": "", "c": [], "d": {}, "e": {"f": None}}) == [{"k": 1}]
    assert flat_rows({}) == [{}]


@pytest.mark.parametrize(
    "body",
    [
        {"a.b": 1},
        {"a[]": 1},
        {"k": {"": 1}},
        {"k": {"No.": 1}},
        {"k": 1, "a": [[1]]},
        {"k": 1, "a": [{"b": [1]}]},
        {"k": 1, "a": [{}]},
        {"k": 1, "a": [{"b": 1}, {"b": None}]},
        {"k": 1, "a": [None]},
        {"k": 1, "a": [{"": 1}]},
        {"k": 1, "a": [{"b.c": 1}]},
        {"a": [{"b": 1}]},
    ],
)
def test_what_a_table_cannot_hold_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"table|needs"):
        flat_rows(body)


words = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]),
    min_size=1, max_size=8,
).map(partial(unicodedata.normalize, "NFC"))  # fmt: skip
numbers = st.integers(-(2**63), 2**63 - 1)
lines = st.fixed_dictionaries({"sku": words}, optional={"quantity": numbers, "name": words})
parts = {
    "total": numbers,
    "customer": st.fixed_dictionaries({"name": words}, optional={"email": words}),
    "lines": st.lists(lines, min_size=1, max_size=3),
}
orders = st.lists(
    st.fixed_dictionaries({"order_id": words}, optional=parts).map(
        lambda body: {"order_id": body["order_id"], **body}
    ),
    min_size=1, max_size=4, unique_by=lambda body: body["order_id"],
)  # fmt: skip
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(orders, st.sampled_from(",;\t|"))
def test_orders_survive_json_lines_and_csv(bodies: list[dict[str, Any]], delimiter: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        assert read(Path(name), "a.jsonl", json_lines(bodies)).bodies == bodies
        found = read(Path(name), "a.csv", as_csv(bodies, delimiter), integers=INTEGERS)
        assert (found.bodies, found.bad, found.rule) == (bodies, [], "")


@pytest.mark.slow
@settings(deadline=None, max_examples=3)
@given(orders)
def test_orders_survive_parquet(bodies: list[dict[str, Any]]) -> None:
    rows = [row for body in bodies for row in flat_rows(body)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    flat = [{name: row.get(name) for name in names} for row in rows]
    with tempfile.TemporaryDirectory() as name:
        assert read(Path(name), "flat.parquet", parquet(flat)).bodies == bodies
        keys = list(dict.fromkeys(key for body in bodies for key in body))
        nested = [{key: body.get(key) for key in keys} for body in bodies]
        assert read(Path(name), "nested.parquet", parquet(nested)).bodies == bodies
