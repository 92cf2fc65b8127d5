"""The benchmark of contracts finds every kind of planted error, changes no good row, and counts as it says."""

from pathlib import Path

import pytest

from tests.agents.analysis.cleaning.planted import CONTRACT
from tests.benchmarks import hospital, planted

HEADER = "ProviderNumber,City,CountyName\n"


def test_every_kind_is_found_and_nothing_else() -> None:
    for found in planted.scores(1_200, 5).values():
        assert set(found["recall"].values()) == {1.0}
        assert (found["precision"], found["false_alarms_on_clean_rows"]) == (1.0, 0.0)
        assert found["cells_silently_wrong"] == 0


@pytest.mark.slow
def test_changes_of_series_are_scored() -> None:
    found = planted.scores_of_series(1, 1, 60)
    assert set(found["recall"].values()) == {1.0}
    assert (found["precision"], found["false_alarms_on_good_series"]) == (1.0, 0.0)


def test_a_cell_that_is_wrong_without_a_word_is_counted() -> None:
    good = b"id,at,until,site,code,note,value,ratio,works\n1,2025-01-01,,north,AB123,,1,,yes\n"
    one = planted.cleaned(good, CONTRACT)
    other = planted.cleaned(good.replace(b"AB123", b"AB124"), CONTRACT)
    assert planted.silently_wrong(one, one) == 0
    assert planted.silently_wrong(other, one) == 1


def test_cells_are_scored_against_the_truth(tmp_path: Path) -> None:
    rows = "1,bonn,x\n1,bonn,x\n1,bonn,z\n2,ulm,y\n2,ulm,q\n"
    (tmp_path / "hospital.csv").write_text(HEADER + rows)
    truth = [("1", "bonn", "x")] * 3 + [("2", "ulm", "y")] * 2
    names = HEADER.strip().split(",")
    listed = [
        f"{n},{c},{v}" for n, row in enumerate(truth) for c, v in zip(names, row, strict=True)
    ]
    (tmp_path / "hospital_clean.csv").write_text("tid,attribute,correct_val\n" + "\n".join(listed))
    constraint = "t1&t2&EQ(t1.City,t2.City)&IQ(t1.CountyName,t2.CountyName)\n"
    (tmp_path / "hospital_constraints.txt").write_text(constraint)
    data = hospital.load(tmp_path)
    assert int(data.wrong.to_numpy().sum()) == 2
    assert hospital.detected(data, hospital.naively(data)) == {
        "found": 10, "precision": 0.2, "recall": 1.0, "recall_of_detectable": 1.0
    }  # fmt: skip
    assert hospital.detected(data, hospital.found_by(data, hospital.bare_contract(data))) == {
        "found": 3, "precision": 0.667, "recall": 1.0, "recall_of_detectable": 1.0
    }  # fmt: skip
