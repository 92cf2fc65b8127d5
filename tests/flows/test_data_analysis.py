"""Runs of data analysis from outside: files go in, a dataset or a refusal comes out."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from agents.analysis.column import Column
from agents.analysis.contract import Contract
from agents.analysis.modelling.registry import Models
from agents.analysis.models import Dataset
from agents.analysis.quarantine import BadCorrection, NothingPublished, mend
from agents.analysis.report import FILE, AnalysisReport
from agents.analysis.sample.serving import serving
from agents.analysis.study import Source, Study
from agents.analysis.study_store import StudyStore
from agents.runtime.model_registry import NoSuchModel
from agents.runtime.settings import settings
from flows.cli.error_messages import LOG_FILE
from flows.data_analysis import analyse
from flows.operations.studies import mend_rows, quarantine, roll_back_model
from tests.agents.analysis.cleaning.planted import planted
from tests.agents.analysis.modelling.toy import sales

pytestmark = pytest.mark.slow

CONTRACT = """
name: readings
time: at
key: [id]
unknown: freeze
columns:
  id: {type: integer, required: true, low: 1}
  at: {type: time, required: true}
  until: {type: time}
  site: {type: text, required: true, one_of: [north, south]}
  code: {type: text, required: true, pattern: "[A-Z]{2}[0-9]{3}"}
  note: {type: text, longest: 40}
  value: {type: number, required: true, low: -50, high: 60}
  ratio: {type: number, low: 0, high: 1, bad: discard-value}
  works: {type: boolean, required: true}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    settings.cache_clear()
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    for n in range(4):
        (tmp_path / f"part-{n}.csv").write_bytes(planted(300, 1, seed=n).text)
    return tmp_path


async def run(folder: Path, partitions: str = "*") -> AnalysisReport:
    return await analyse.fn(
        (str(folder / "part-*.csv"),), str(folder / "contract.yaml"), partitions=partitions
    )


def alerts_of(folder: Path) -> list[tuple[str, str]]:
    """The studies that were not published, with the reasons in the log."""
    lines = (folder / "data" / LOG_FILE).read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [(e["item"], e["reason"]) for e in events if e["event"] == "unpublished"]


def dataset() -> Dataset:
    published = StudyStore("readings").published()
    assert published is not None
    return published


async def test_rows_are_conserved_and_a_second_run_does_nothing(folder: Path) -> None:
    report = await run(folder)
    (source,) = report.sources
    assert source.rows == source.good + source.quarantined + source.deduplicated == 4 * 301
    assert report.processed == 4
    again = await run(folder)
    assert again.processed == 0
    assert again.published == report.published == dataset().digest


async def test_only_changed_partitions_are_processed_again(folder: Path) -> None:
    before = await run(folder)
    (folder / "part-2.csv").write_bytes(planted(310, 1, seed=9).text)
    after = await run(folder)
    assert after.processed == 1
    assert after.published != before.published
    assert (await run(folder)).published == after.published
    assert dataset().edition == 2


@pytest.mark.campaign
async def test_a_backfill_of_some_partitions_keeps_the_others(folder: Path) -> None:
    await run(folder, "part-[01]")
    assert [part.name for part in dataset().parts] == ["part-0", "part-1"]
    await run(folder, "part-3")
    assert [part.name for part in dataset().parts] == ["part-0", "part-1", "part-3"]


@pytest.mark.campaign
async def test_a_run_with_a_refused_partition_publishes_nothing(folder: Path) -> None:
    before = await run(folder)
    (folder / "part-1.csv").write_bytes(b"id,surprise\n1,2\n")
    failed = await run(folder)
    assert failed.status() == 1
    cause = "no column 'at', which is required"
    assert failed.failures["readings/part-1"].startswith(cause)
    assert (await run(folder)).failures == failed.failures, "the next run has the reason too"
    assert dataset().digest == before.published
    (study, why), _ = alerts_of(folder)
    assert study == "readings"
    assert why.startswith(f"failed: readings/part-1: {cause}")


def assert_data_page(path: Path) -> None:
    page = path.read_text("utf-8")
    assert "Nothing is published by this run." in page
    assert "rows would be lost" in page
    assert page.count("<tr><td>20") == 2, "both runs are in it"


async def test_a_run_that_would_lose_all_rows_of_a_partition_publishes_nothing(
    folder: Path,
) -> None:
    """One more trailing comma in every row: every row is ragged, and the last version stays."""
    before = await run(folder)
    header, *rows = (folder / "part-1.csv").read_bytes().splitlines()
    (folder / "part-1.csv").write_bytes(b"\n".join([header, *(row + b"," for row in rows)]))
    refused = await run(folder)
    assert refused.status() == 1
    assert "rows would be lost" in refused.failures["readings/part-1"]
    assert "raise may_lose in the contract" in refused.failures["readings/part-1"]
    stays, data = refused.notes()[-2:]
    assert stays.endswith(f"dataset {before.published[:16]} of an earlier run stays")
    assert_data_page(Path(data.removeprefix("data: ")))
    assert dataset().digest == before.published
    ((study, why),) = alerts_of(folder)
    assert study == "readings"
    assert "readings/part-1: " in why


@pytest.mark.campaign
async def test_one_file_under_two_names_is_published_once(folder: Path) -> None:
    for n in (1, 2, 3):  # which have other rows with the same keys
        (folder / f"part-{n}.csv").unlink()
    before = await run(folder)
    (folder / "part-0b.csv").write_bytes((folder / "part-0.csv").read_bytes())
    report = await run(folder)
    assert report.status() == 0, report.notes()
    rows = {part.name: part.rows for part in dataset().parts}
    assert rows["part-0"] == 0, "the later partition by name has the rows"
    (source,) = report.sources
    assert source.repeated == rows["part-0b"] > 0
    assert sum(rows.values()) == source.good - source.repeated == before.sources[0].good


@pytest.mark.campaign
async def test_mended_rows_are_good_and_mending_twice_has_the_effect_of_once(folder: Path) -> None:
    before = await run(folder)
    store = StudyStore("readings")
    partition = next((store.folder / "clean" / "readings").iterdir())
    lines = (partition / "quarantine.jsonl").read_text("utf-8").splitlines()
    spoilt = next(line for line in lines if '"rule":"allowed"' in line)
    corrected = folder / "corrected.jsonl"
    corrected.write_text(spoilt.replace("nоrth", "north"), encoding="utf-8")  # noqa: RUF001
    name = next(p.name for p in dataset().parts if partition.name in p.file)

    assert mend(store, "readings", name, corrected) == 1
    after = await run(folder)
    assert after.processed == 1
    assert after.sources[0].good == before.sources[0].good + 1
    assert after.sources[0].rows == before.sources[0].rows
    assert mend(store, "readings", name, corrected) == 1
    assert (await run(folder)).processed == 0


SALES_CONTRACT = """
name: sales
time: at
columns:
  at: {type: time, required: true}
  shop: {type: text, required: true, known_before: true}
  price: {type: number, required: true, known_before: true}
  sold: {type: number, unit: pieces}
  minutes: {type: number}
"""


def sales_files(folder: Path, steep: float = 20) -> None:
    """Forty days of sales, which fall with the price."""
    frame, _ = sales(steep=steep)
    frame = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    frame.to_csv(folder / "sales.csv", index=False)
    (folder / "sales.yaml").write_text(SALES_CONTRACT, encoding="utf-8")


async def modelled(folder: Path) -> AnalysisReport:
    return await analyse.fn((str(folder / "sales.csv"),), str(folder / "sales.yaml"), "sold")


async def test_a_target_is_modelled_and_reported_and_a_second_run_does_nothing(
    folder: Path,
) -> None:
    sales_files(folder)
    report = await modelled(folder)
    assert report.status() == 0, report.notes()
    page = (StudyStore("sales").folder / FILE).read_bytes()
    assert any(note.startswith("champion: ") for note in report.notes())
    assert (await modelled(folder)).processed == 0
    assert (StudyStore("sales").folder / FILE).read_bytes() == page


@pytest.mark.campaign
async def test_without_a_champion_there_is_still_a_report(folder: Path) -> None:
    sales_files(folder, steep=0)
    report = await modelled(folder)
    assert report.status() == 0
    nobody, _, page = report.notes()[-3:]
    assert nobody.startswith("no model is better than the baseline")
    assert page == f"report: {(StudyStore('sales').folder / FILE).resolve()}"


@pytest.mark.campaign
async def test_with_too_few_rows_no_model_is_trained_and_the_data_is_published(
    folder: Path,
) -> None:
    sales_files(folder)
    lines = (folder / "sales.csv").read_text("utf-8").splitlines()[:60]
    (folder / "sales.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = await modelled(folder)
    assert report.status() == 1
    (name, why), *_ = report.failures.items()
    assert name == "baseline, linear, trees"
    assert why.startswith(
        "0 rows with an outcome for training, of 59 over 3 days: at least 4 days are"
    )
    assert (await modelled(folder)).failures == report.failures
    assert report.published


@pytest.mark.campaign
async def test_a_growing_source_is_asked_for_new_and_late_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = folder / "served"
    served.mkdir()
    log = served / "log.csv"
    log.write_text("at,n\n2025-01-01T00:00:00Z,1\n2025-01-02T00:00:00Z,2\n", encoding="utf-8")
    contract = Contract(
        name="log", time="at", key=("n",), late_hours=24,
        columns={"at": Column(type="time", required=True), "n": Column(type="integer")},
    )  # fmt: skip
    with serving(served) as server:
        monkeypatch.setenv("AGENT_FLOWS_FETCH_ALLOWED", f'["{server.host}"]')
        settings.cache_clear()
        locations = (f"http://{server.host}/log.csv?since={{since}}",)
        source = Source(contract=contract, locations=locations)
        monkeypatch.setattr(
            "agents.analysis.run._own", lambda *_: Study(name="log", sources=(source,))
        )
        await analyse.fn(("grows",))
        log.write_text("at,n\n2025-01-02T06:00:00Z,2\n2025-01-03T00:00:00Z,3\n", encoding="utf-8")
        report = await analyse.fn(("grows",))
    assert report.status() == 0
    published = StudyStore("log").published()
    assert published is not None
    assert [part.name for part in published.parts] == [
        "since-19700101t000000",
        "since-20250101t000000",
    ]
    assert [part.rows for part in published.parts] == [1, 2]
    late = pd.read_parquet(published.files("log")[1])
    assert late["at"].dt.hour.tolist() == [6, 0], (
        "of two rows with one key the later one is published"
    )


@pytest.mark.campaign
async def test_a_challenger_is_compared_with_the_champion(folder: Path) -> None:
    sales_files(folder)
    await modelled(folder)
    models = Models(StudyStore("sales").folder)
    first = models.read().champion
    lines = (folder / "sales.csv").read_text("utf-8").splitlines()
    (folder / "sales.csv").write_text("\n".join(lines[:-24]) + "\n", encoding="utf-8")
    await modelled(folder)
    registry = models.read()
    assert registry.champion == first
    assert registry.challenger not in {"", first}
    assert "gain over the champion" in registry.changes[-1].why
    with pytest.raises(NoSuchModel):
        await roll_back_model.fn("sales", "ann", "to see")


async def test_the_quarantine_is_listed_exported_and_mended_by_commands(folder: Path) -> None:
    report = await run(folder)
    listing = await quarantine.fn("readings", csv=str(folder / "out.csv"), most=5)
    assert len(listing.table) == 5
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        exported = list(csv.DictReader(file))
    assert len(exported) == sum(source.quarantined for source in report.sources)
    assert listing.title == f"5 of {len(exported)} rows"
    assert not any(
        cell.startswith(("=", "+", "-", "@")) for row in exported for cell in row.values()
    )
    with pytest.raises(BadCorrection, match="No such file"):
        await mend_rows.fn(str(folder / "no.jsonl"), "part-0", "readings", "readings")
    (folder / "bad.jsonl").write_text('{"line": 0, "row": {}}\n', encoding="utf-8")
    with pytest.raises(BadCorrection, match="line 1: line"):
        await mend_rows.fn(str(folder / "bad.jsonl"), "part-0", "readings", "readings")
    with pytest.raises(NothingPublished):
        await quarantine.fn("nothing")
