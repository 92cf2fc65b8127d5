"""An error in a contract or study names every problem by field and rule."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.sample.flights import sample_study
from agents.analysis.study import BadStudy, Source, Study, read_contract

GOOD = "name: x\ntime: at\ncolumns: {at: {type: time}}\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_contract_in_yaml(tmp_path: Path) -> None:
    contract = read_contract(written(tmp_path, GOOD))
    assert contract.columns == {"at": Column(type="time")}


@pytest.mark.parametrize(
    "text,problem",
    [
        ("name: x\n", "columns: Field required"),
        (
            GOOD + "surprise: 1\n",
            "surprise: no such field; the fields are name, columns, time,",
        ),
        (GOOD + "gaps: {most: 1}\n", "gaps.most: no such field; the fields are every, by"),
        (
            "name: x\ntime: at\ncolumns: {at: {type: time}, n: {type: number, min: 1}}\n",
            "columns.n.min: no such field; the fields are type, unit, scale, required, low, high,",
        ),
        (GOOD + "key: [id]\n", "line 1: columns that the contract does not declare: id"),
        ("name: x\ntime: at\ncolumns: {at: {type: text}}\n", "must have the type time"),
        ("name: Bad Name\ntime: at\ncolumns: {at: {type: time}}\n", "name: String should match"),
        ("a: [\n", "is not YAML"),
        ("!!python/object/apply:os.system [echo]\n", "is not YAML"),
    ],
)
def test_every_problem_of_a_contract_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BadStudy) as error:
        read_contract(written(tmp_path, text))
    assert problem in str(error.value)


LINES = """name: x
time: at
columns:
  at: {type: time}
  n:
    type: number
    low: 5
    high: 1
  land: {type: text, one_of: [DE, NO]}
  m: {type: number, pattern: "[0-9]"}
"""
CHECKS = """name: x
time: at
columns: {at: {type: time}, n: {type: number}}
checks:
  - n > 0
  - n > prise
"""


@pytest.mark.parametrize(
    "text,problems",
    [
        (
            LINES,
            [
                "line 7: columns.n: low: 5 is higher than high, 1",
                "line 9: columns.land: YAML reads NO, no, off, yes and on as false",
                "line 10: columns.m: pattern is for a column of the type text",
            ],
        ),
        (CHECKS, ["line 6: checks.1: column 'prise' is not declared, at character 5 of 'n > prise'"]),
        (GOOD + "name: y\n", ["line 4: 'name' is in line 1 already"]),
        ("name: x\ntime: on\ncolumns:\n  on: {type: time}\n", ["line 4: YAML reads the name on as a boolean"]),
        ('{"name": "x",\n"time": "at", "columns": {"at": {"type": "t"}}}', ["line 2: columns.at.type: Input should"]),
    ],
)  # fmt: skip
def test_a_problem_has_its_line(tmp_path: Path, text: str, problems: list[str]) -> None:
    with pytest.raises(BadStudy) as error:
        read_contract(written(tmp_path, text))
    found = error.value.problems
    assert [one[: len(problem)] for one, problem in zip(found, problems, strict=True)] == problems


def test_a_contract_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadStudy, match="cannot be read"):
        read_contract(tmp_path / "no.yaml")


def test_a_target_must_be_a_number_that_is_not_known_before() -> None:
    columns = {
        "at": Column(type="time"),
        "n": Column(type="number", known_before=True),
        "word": Column(type="text"),
    }
    source = Source(contract=Contract(name="x", time="at", columns=columns), locations=("x.csv",))
    for target in ("n", "m", "at", "word"):
        with pytest.raises(ValidationError, match="target"):
            Study(name="x", sources=(source,), target=target)


def test_the_sample_is_a_study() -> None:
    study = sample_study()
    assert [source.name for source in study.sources] == ["flights", "weather"]
    assert all(len(source.locations) == 12 for source in study.sources)
