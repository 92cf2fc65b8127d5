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
        ("name: x\n", "time: Field required"),
        (
            GOOD + "surprise: 1\n",
            "surprise: no such field; the fields are name, columns, time,",
        ),
        (GOOD + "gaps: {most: 1}\n", "gaps.most: no such field; the fields are every, by"),
        (
            "name: x\ntime: at\ncolumns: {at: {type: time}, n: {type: number, min: 1}}\n",
            "columns.n.min: no such field; the fields are type, unit, scale, required, low, high,",
        ),
        (GOOD + "key: [id]\n", "yaml: columns that the contract does not declare: id"),
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
