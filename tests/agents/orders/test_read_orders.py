"""Every record of a source becomes a candidate or a rejection, and none is lost."""

import csv
import json
from pathlib import Path

import pytest

from agents.orders.read_orders import ORDER_RECORDS, read_orders
from agents.runtime.intake.intake import Rejection, Submission
from agents.services.files.records import SourceError
from tests.agents.orders.order_faults import body
from tests.agents.services.files.flat_rows import flat_rows


def written(path: Path, *records: object) -> str:
    lines = (r if isinstance(r, str) else json.dumps(r) for r in records)
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return str(path)


def test_good_and_bad_records_come_in_their_order(tmp_path: Path) -> None:
    source = written(tmp_path / "o.jsonl", body({}), "{", body({"total": 1}), body({}))

    found = list(read_orders(source))

    assert [(type(one), one.line) for one in found] == [
        (Submission, 1),
        (Rejection, 2),
        (Rejection, 3),
        (Submission, 4),
    ]


def test_equal_orders_have_one_body_however_they_are_written(tmp_path: Path) -> None:
    turned = dict(reversed(body({"placed_at": "2026-01-15T08:30:00Z"}).items()))

    first, second = read_orders(written(tmp_path / "o.jsonl", body({}), turned))

    assert isinstance(first, Submission)
    assert isinstance(second, Submission)
    assert (first.key, first.body) == (second.key, second.body) == ("W1", second.body)


def test_a_rejection_names_line_field_rule_and_limit_and_keeps_the_record(tmp_path: Path) -> None:
    wrong = body({"lines[0].quantity": 10_001, "total": 1})

    [rejection] = read_orders(written(tmp_path / "o.jsonl", wrong))

    assert isinstance(rejection, Rejection)
    assert rejection.rule == "out-of-range"
    assert rejection.message.startswith("line 1: lines[0].quantity: ")
    assert "(rule out-of-range, limit 10000)" in rejection.message
    assert json.loads(rejection.raw) == wrong


def test_of_many_problems_five_are_named_and_the_others_counted(tmp_path: Path) -> None:
    [rejection] = read_orders(written(tmp_path / "o.jsonl", {"order_id": "W1"}))

    assert isinstance(rejection, Rejection)
    assert rejection.message.count("(rule ") == 5
    assert rejection.message.endswith("; and 1 more")


def test_a_source_that_breaks_off_says_after_which_line(tmp_path: Path) -> None:
    header = "order_id,total\n"
    rows = "".join(f"W{n},1\n" for n in range(3))
    path = tmp_path / "o.csv"
    path.write_text(header + rows + '"never closed' + "x" * 2_000_000, "utf-8")

    *_, last = read_orders(str(path))

    assert isinstance(last, Rejection)
    assert "line" in last.message


def test_a_source_that_cannot_be_read_at_all_raises(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        list(read_orders(str(tmp_path / "missing.jsonl")))


def test_a_corrected_order_is_known_by_its_number() -> None:
    key, text = ORDER_RECORDS.validate(body({}))
    assert (key, json.loads(text)["total"]) == ("W1", 2_030)


def test_rows_belong_together_by_the_id_wherever_its_column_stands(tmp_path: Path) -> None:
    rows = [row for number in range(3) for row in flat_rows(body({"order_id": f"W{number}"}))]
    path = tmp_path / "o.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        names = sorted(rows[0], key=lambda name: (name == "order_id", name))
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows(rows)

    assert [one.key for one in read_orders(str(path)) if isinstance(one, Submission)] == [
        "W0", "W1", "W2"
    ]  # fmt: skip
