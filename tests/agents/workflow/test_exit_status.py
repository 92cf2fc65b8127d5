"""A run whose source gave nothing, or not all, does not end like one that did its work."""

from pathlib import Path

import pytest

from agents.runtime import AgentError, RunStats
from agents.runtime.intake.intake import Rejection
from agents.services.files.records import SourceError
from agents.workflow.exit_status import ExitStatus, NothingFound, source_status, status_of
from agents.workflow.fields import Strict
from agents.workflow.records import Records
from agents.workflow.report import RunReport


class Thing(Strict):
    id: str
    size: int


def report_on(path: Path) -> RunReport:
    """The report of a run that takes every good record of the file."""
    stats, cut = RunStats(), ""
    found = list(Records(Thing, key="id").read(str(path)))
    for one in found:
        stats.count("rejected" if isinstance(one, Rejection) else "done")
        if isinstance(one, Rejection) and one.cut:
            cut = one.message
    report = RunReport.of(stats, "things", 1.0)
    report.refused, report.cut = stats.outcomes["rejected"], cut
    report.source = "things.csv"
    return report


@pytest.mark.parametrize(
    "name,text,status,words",
    [
        ("a.csv", "id,size\na,1\nb,x\n", ExitStatus.DONE, ""),
        ("a.csv", "id,size\na,x\nb,x\n", ExitStatus.ALL_REJECTED, "all things of things.csv"),
        ("a.csv", "id,size\n", ExitStatus.NOTHING_FOUND, "things.csv has no things"),
        ("a.jsonl", "", ExitStatus.NOTHING_FOUND, "things.csv has no things"),
        ("a.csv", "id,size\na,1\nb", ExitStatus.CUT_OFF, "the file ends within the row"),
        ("a.csv", 'id,size\na,1\nb,"1\nc,1\n', ExitStatus.CUT_OFF, "breaks off: line 3"),
        ("a.jsonl", '{"id":"a","size":1}\n{"id":', ExitStatus.CUT_OFF, "breaks off: line 2"),
        ("a.json", '[{"id":"a","size":1},', ExitStatus.CUT_OFF, "after line 1"),
    ],
)
def test_the_status_says_what_the_source_gave(
    tmp_path: Path, name: str, text: str, status: ExitStatus, words: str
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    report = report_on(path)
    assert report.status() == status
    assert words in report.problem()
    assert "\n" not in report.problem()
    assert bool(report.problem()) == bool(status)


@pytest.mark.parametrize(
    "error,status",
    [
        (SourceError("cannot-open", "no such file"), ExitStatus.BAD_INPUT),
        (SourceError("truncated", "cut off"), ExitStatus.CUT_OFF),
        (SourceError("corrupt", "damaged"), ExitStatus.CUT_OFF),
        (SourceError("empty", "no header"), ExitStatus.NOTHING_FOUND),
        (NothingFound(), ExitStatus.NOTHING_FOUND),
        (AgentError(), ExitStatus.BAD_INPUT),
    ],
)
def test_an_error_has_the_status_of_its_kind(error: AgentError, status: ExitStatus) -> None:
    assert status_of(error) == status


def test_what_is_cut_counts_more_than_what_is_rejected() -> None:
    assert source_status(2, 2, "line 3") == ExitStatus.CUT_OFF
