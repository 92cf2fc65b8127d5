"""A run writes files of its own, and a link leads to those of the latest run."""

from pathlib import Path

import pytest

from agents.runtime.run_files import RunFile, TakenPath


def test_each_run_has_its_own_file_and_the_link_leads_to_the_latest(tmp_path: Path) -> None:
    first, second = (RunFile.beside(tmp_path / "report-latest.md") for _ in range(2))
    first.write("one")
    second.write("two")
    assert (first.path.read_text("utf-8"), second.path.read_text("utf-8")) == ("one", "two")
    assert first.latest.read_text("utf-8") == "two"
    assert first.path.name.startswith("report-2")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["report-latest.md", first.path.name, second.path.name]
    )


def test_further_files_of_a_run_have_its_name(tmp_path: Path) -> None:
    file = RunFile.beside(tmp_path / "r.md")
    rejects = file.with_suffix(".rejected.jsonl")
    assert rejects.path.name == f"{file.path.stem}.rejected.jsonl"
    assert rejects.latest == tmp_path / "r.rejected.jsonl"


def test_a_file_that_is_no_link_is_never_replaced(tmp_path: Path) -> None:
    taken = tmp_path / "orders.csv"
    taken.write_text("mine", "utf-8")
    file = RunFile.beside(taken)
    with pytest.raises(TakenPath, match=r"orders\.csv.*move it away or name another"):
        file.require_free()
    file.write("report")
    assert taken.read_text("utf-8") == "mine"


def test_a_link_that_leads_nowhere_is_moved(tmp_path: Path) -> None:
    file = RunFile.beside(tmp_path / "r.md")
    file.latest.symlink_to("gone.md")
    file.require_free()
    file.write("new")
    assert file.latest.read_text("utf-8") == "new"
