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
from agents.analysis.reporting.rule_rows import rule_rows
from agents.analysis.study import Source, Study
from agents.analysis.study_store import StudyStore
from agents.runtime.clock import clock
from agents.runtime.files import write_whole

FILE, RUNS = "data.html", "runs.jsonl"
KEPT, SHOWN = 200, 20  # runs in the file, and in the table
HERE = Path(__file__).parent


class Ran(BaseModel, frozen=True):
    """One run: when it ended, its rows by outcome, and the digest of what is published by it."""

    at: str
    rows: int
    good: int
    quarantined: int
    published: str


def write_data_page(
    study: Study, report: AnalysisReport, cleaned: Mapping[str, Sequence[Path]]
) -> Path:
    """Write the report into the folder of the study and return its path.

    `cleaned` has the files of the clean partitions of each source, beside which their quarantines are.
    """
    folder, now = StudyStore(study.name).folder, datetime.fromtimestamp(clock().time(), UTC)
    runs = _with(folder / RUNS, report, now)
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
        latest={source.name: _latest(study.name, source, now) for source in study.sources},
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


def _with(path: Path, report: AnalysisReport, now: datetime) -> list[Ran]:
    """The runs so far with this one; lines that cannot be read are left out."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    this = Ran(
        at=now.strftime("%Y-%m-%d %H:%M:%S UTC"),
        rows=sum(source.rows for source in report.sources),
        good=sum(source.good for source in report.sources),
        quarantined=sum(source.quarantined for source in report.sources),
        published=report.published,
    )
    runs = [*(Ran.model_validate(orjson.loads(line)) for line in lines), this][-KEPT:]
    write_whole(path, "".join(f"{run.model_dump_json()}\n" for run in runs))
    return runs


def _latest(study: str, source: Source, now: datetime) -> str:
    """The latest time of the published rows of a source, and how old it is."""
    dataset = StudyStore(study).published()
    files = dataset.files(source.name) if dataset is not None else []
    times = [latest_time(pq.read_metadata(file), source.contract.time) for file in files]
    latest = max(times, default=EPOCH)
    if latest == EPOCH:
        return "none"
    hours = (now - latest).total_seconds() / 3_600
    age = f"{hours:,.0f} hours" if hours < 72 else f"{hours / 24:,.0f} days"
    return f"{latest:%Y-%m-%d %H:%M} UTC, {age} old"


def _pictures(runs: Sequence[Ran]) -> list[dict[str, str]]:
    """Nothing for a first run, which has none before it."""
    if len(runs) < 2:
        return []
    rows = {"good": [run.good for run in runs], "quarantined": [run.quarantined for run in runs]}
    caption = "The runs so far, the latest at the right."
    return [{"alt": "runs", "caption": caption, "src": plots.image(plots.over_runs(rows))}]
