"""The report about the data of a study after each run, also if nothing is published: what is wrong, how fresh it is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pyarrow.parquet as pq
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel

from agents.analysis.discovery import EPOCH, latest_time
from agents.analysis.report import AnalysisReport
from agents.analysis.reporting import plots
from agents.analysis.reporting.profiles import profiles
from agents.analysis.reporting.rule_rows import rule_rows
from agents.analysis.study import Source, Study
from agents.analysis.study_store import StudyStore
from agents.runtime.clock import clock
from agents.runtime.files import write_whole

FILE, RUNS = "data.html", "runs.jsonl"
KEPT, SHOWN = 200, 20  # runs in the file, and in the table
HERE = Path(__file__).parent


class Ran(BaseModel, frozen=True):
    """One run: when it ended, its rows by outcome, and the digest of what is published by it.

    `hours_old` is the age of the latest row of the source that was oldest; None if no source has a time.
    """

    at: str
    rows: int
    good: int
    quarantined: int
    published: str
    hours_old: float | None = None

    @property
    def age(self) -> str:
        """How old the latest row was, in hours or days."""
        return _age(self.hours_old) if self.hours_old is not None else ""


def write_data_page(
    study: Study,
    report: AnalysisReport,
    cleaned: Mapping[str, Sequence[Path]],
    unexpected: Sequence[str] = (),
) -> Path:
    """Write the report into the folder of the study and return its path.

    `cleaned` has the files of the clean partitions of each source, beside which their quarantines are, and
    `unexpected` says what is not as the contracts expect, and has been published all the same.
    """
    folder, now = StudyStore(study.name).folder, datetime.fromtimestamp(clock().time(), UTC)
    files = {source.name: _files(study.name, source) for source in study.sources}
    latest = {source.name: _latest(source, files[source.name]) for source in study.sources}
    hours = {name: (now - at).total_seconds() / 3_600 for name, at in latest.items() if at > EPOCH}
    runs = _with(folder / RUNS, report, now, max(hours.values(), default=None))
    contracts = {source.name: source.contract for source in study.sources}
    rules = []
    for source in report.sources:
        rows, passed = rule_rows(contracts[source.source], source, cleaned.get(source.source, ()))
        rules.append({"source": source.source, "rows": rows, "passed": passed})
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("data.html.j2").render(
        study=study.name,
        lead=_lead(report),
        failures=report.failures,
        sources=report.sources,
        unexpected=unexpected,
        latest={name: _said(latest[name], hours.get(name)) for name in latest},
        profiles=[
            {"source": source.name, "columns": found}
            for source in study.sources
            if (found := profiles(source.contract, files[source.name]))
        ],
        rules=rules,
        pictures=_pictures(runs),
        runs=runs[-SHOWN:][::-1],
    )
    write_whole(folder / FILE, page)
    return folder / FILE


def _lead(report: AnalysisReport) -> str:
    if report.published:
        return f"Dataset {report.published[:12]} is published."
    stays = f" Dataset {report.stays[:12]} of an earlier run stays." if report.stays else ""
    return f"Nothing is published by this run.{stays}"


def _with(path: Path, report: AnalysisReport, now: datetime, hours_old: float | None) -> list[Ran]:
    """The runs so far with this one; lines that cannot be read are left out."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    this = Ran(
        at=now.strftime("%Y-%m-%d %H:%M:%S UTC"),
        rows=sum(source.rows for source in report.sources),
        good=sum(source.good for source in report.sources),
        quarantined=sum(source.quarantined for source in report.sources),
        published=report.published,
        hours_old=hours_old,
    )
    runs = [*(Ran.model_validate(orjson.loads(line)) for line in lines), this][-KEPT:]
    write_whole(path, "".join(f"{run.model_dump_json()}\n" for run in runs))
    return runs


def _files(study: str, source: Source) -> Sequence[Path]:
    dataset = StudyStore(study).published()
    return dataset.files(source.name) if dataset is not None else []


def _latest(source: Source, files: Sequence[Path]) -> datetime:
    """The latest time of the published rows of a source; EPOCH if there is none."""
    times = [latest_time(pq.read_metadata(file), source.contract.time) for file in files]
    return max(times, default=EPOCH)


def _said(latest: datetime, hours: float | None) -> str:
    return "none" if hours is None else f"{latest:%Y-%m-%d %H:%M} UTC, {_age(hours)} old"


def _age(hours: float) -> str:
    return f"{hours:,.0f} hours" if hours < 72 else f"{hours / 24:,.0f} days"


def _pictures(runs: Sequence[Ran]) -> list[dict[str, str]]:
    """Nothing for a first run, which has none before it."""
    if len(runs) < 2:
        return []
    rows = {"good": [run.good for run in runs], "quarantined": [run.quarantined for run in runs]}
    caption = "The runs so far, the latest at the right."
    return [{"alt": "runs", "caption": caption, "src": plots.image(plots.over_runs(rows))}]
