"""Records of any model: each becomes a submission or a rejection in words, and none is lost."""

import io
import json
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field

from agents.runtime import Rejection, Submission
from agents.services.files.records import SourceError
from agents.workflow.fields import BrokenRule, Identifier, Strict, Text
from agents.workflow.money import MinorUnits
from agents.workflow.records import (
    COUNTED_BYTES,
    MOST_PROBLEMS,
    InvalidRecord,
    Problem,
    Records,
    canonical,
    integer_fields,
    shaped,
)


class Position(Strict):
    """A part of a bill."""

    price: MinorUnits


class Bill(Strict):
    """A small record."""

    number: Identifier
    to: Text
    total: Annotated[int, Field(ge=1, lt=100)]
    positions: Annotated[tuple[Position, ...], BeforeValidator(tuple)] = ()


BILLS = Records(Bill, key="number")
GOOD = {"number": "B1", "to": "Ann", "total": 5}


def written(path: Path, *records: object) -> str:
    lines = (r if isinstance(r, str) else json.dumps(r) for r in records)
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return str(path)


def test_good_and_bad_records_come_in_their_order(tmp_path: Path) -> None:
    source = written(tmp_path / "b.jsonl", GOOD, "{", GOOD | {"total": 100}, GOOD)
    found = list(BILLS.read(source))
    assert [(type(one), one.line) for one in found] == [
        (Submission, 1),
        (Rejection, 2),
        (Rejection, 3),
        (Submission, 4),
    ]
    first = found[0]
    assert isinstance(first, Submission)
    assert (first.key, first.payload) == ("B1", Bill.model_validate(GOOD))


def test_a_rejection_names_line_field_rule_and_limit_and_keeps_the_record(tmp_path: Path) -> None:
    wrong = GOOD | {"total": 100, "more": 1}
    (found,) = BILLS.read(written(tmp_path / "b.jsonl", wrong))
    assert isinstance(found, Rejection)
    assert (found.line, found.rule) == (1, "out-of-range")
    assert found.message == (
        "line 1: total: Input should be less than 100 (rule out-of-range, limit 100); "
        "more: Extra inputs are not permitted (rule unknown-field)"
    )
    assert json.loads(found.raw) == wrong


def test_of_many_problems_five_are_named_and_the_others_counted(tmp_path: Path) -> None:
    many = GOOD | {f"x{n}": 1 for n in range(70)}
    (found,) = BILLS.read(written(tmp_path / "b.jsonl", many))
    assert isinstance(found, Rejection)
    assert found.message.count("(rule ") == 5
    assert found.message.endswith(f"; and {MOST_PROBLEMS - 5} more")


def test_a_table_is_read_by_the_types_of_the_model(tmp_path: Path) -> None:
    source = tmp_path / "b.csv"
    source.write_text("number,to,total,positions[].price\nB1,Ann,5,3\nB1,,,2\n", "utf-8")
    (found,) = BILLS.read(str(source))
    assert isinstance(found, Submission)
    assert found.payload.positions == (Position(price=3), Position(price=2))
    assert integer_fields(Bill) == {"total", "positions[].price"}


def test_a_source_that_cannot_be_read_at_all_raises(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        list(BILLS.read(str(tmp_path / "missing.jsonl")))


def test_a_source_that_breaks_off_ends_with_a_rejection(tmp_path: Path) -> None:
    source = tmp_path / "b.csv"
    rows = "".join(f"B{n},Ann,1\n" for n in range(3))
    source.write_text("number,to,total\n" + rows + '"never closed' + "x" * 2_000_000, "utf-8")
    *good, last = BILLS.read(str(source))
    assert len(good) == 3
    assert isinstance(last, Rejection)
    assert "line" in last.message


def test_a_file_is_counted_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = written(tmp_path / "b.jsonl", GOOD, "{", GOOD)
    large = tmp_path / "large.jsonl"
    large.touch()
    with large.open("r+b") as file:
        file.truncate(COUNTED_BYTES + 1)
    monkeypatch.setattr(sys, "stdin", io.StringIO("never read"))
    assert BILLS.count(good) == 3
    assert [BILLS.count(s) for s in ("-", str(tmp_path), str(large))] == [None, None, None]
    assert BILLS.count(str(tmp_path / "missing.jsonl")) is None
    assert sys.stdin.read() == "never read"


def test_a_body_is_known_by_its_key_and_equal_bodies_have_one_form() -> None:
    key, text = BILLS.validate(dict(reversed(GOOD.items())))
    assert key == "B1"
    assert text == canonical(Bill.model_validate(GOOD | {"positions": ()}))
    with pytest.raises(InvalidRecord, match=r"record refused: number \(missing\)"):
        BILLS.validate({"to": "Ann", "total": 5})


def test_a_check_of_its_own_adds_what_the_model_cannot_say(tmp_path: Path) -> None:
    class BadBill(InvalidRecord):
        noun = "bill"

    def check(body: Mapping[str, object]) -> Bill:
        bill = shaped(Bill, body, BadBill)
        if bill.total == 13:
            raise BadBill((Problem("", "unlucky", 13, "costs 13"),))
        return bill

    found = list(
        Records(Bill, "number", check).read(
            written(tmp_path / "b.jsonl", GOOD, GOOD | {"total": 13}, GOOD | {"to": ""})
        )
    )
    assert [one.rule for one in found if isinstance(one, Rejection)] == ["unlucky", "too-short"]
    assert isinstance(found[1], Rejection)
    assert found[1].message == "line 2: bill: costs 13 (rule unlucky, limit 13)"


def test_the_error_travels_between_processes_and_holds_nothing_that_was_sent() -> None:
    with pytest.raises(InvalidRecord) as caught:
        shaped(Bill, GOOD | {"total": "4242424242424242"})
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problems == caught.value.problems
    assert "4242" not in str(again) + repr(again)
    assert caught.value.__context__ is None


def test_a_broken_rule_says_what_it_is() -> None:
    assert str(BrokenRule("rule", 1, "is wrong")) == "is wrong"
