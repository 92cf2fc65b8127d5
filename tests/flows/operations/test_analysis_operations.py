"""Operations on items of data analysis, also in a process that did not open their run."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agents.analysis.modelling.registry import Models
from agents.analysis.report import FILE, AnalysisReport
from agents.analysis.study_store import StudyStore
from agents.runtime.model.scenario import NotCorrectable
from agents.runtime.settings import PREFIX, ROOT, settings
from flows.cli.error_messages import LOG_FILE
from flows.data_analysis import analyse
from flows.operations.actions import cancel, decide, discard, edit, replay
from flows.operations.items import dead_letters, show_item, waiting_items
from flows.operations.pruning import prune
from flows.operations.recovery import recover
from tests.agents.analysis.modelling.toy import sales
from tests.invariants import dump_journal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True),
]

WHO: dict[str, Any] = {"by": "ann", "reason": "the folder is mended"}
LEASE = 2
CONTRACT = """
name: NAME
time: at
columns:
  at: {type: time, required: true}
  shop: {type: text, required: true, known_before: true}
  price: {type: number, required: true, known_before: true}
  sold: {type: number, unit: pieces}
  minutes: {type: number}
"""
RECOVER = "import asyncio; from flows.operations.recovery import recover; asyncio.run(recover.fn())"


@dataclass(frozen=True, slots=True)
class Sales:
    """A study of its own name: two files of sales, which fall with the price."""

    name: str
    folder: Path
    journal_url: str

    @property
    def arguments(self) -> tuple[str, str, str]:
        return str(self.folder / "part-*.csv"), str(self.folder / "contract.yaml"), "sold"

    @property
    def store(self) -> StudyStore:
        return StudyStore(self.name)

    @property
    def models(self) -> Models:
        return Models(self.store.folder)

    def write(self, days: int = 40, dearer: float = 0.0) -> None:
        """Write sales of `days` days; in the last third of them prices are higher by `dearer`."""
        frame, _ = sales(days, steep=20)
        late = frame["at"] > frame["at"].quantile(0.67)
        frame.loc[late, "price"] += dearer
        frame = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        for shop, part in frame.groupby("shop"):
            part.to_csv(self.folder / f"part-{shop}.csv", index=False)

    async def run(self) -> AnalysisReport:
        source, contract, target = self.arguments
        return await analyse.fn((source,), contract, target)

    def killed_at(self, point: str) -> None:
        """Run the flow in a process of its own, which is killed at the point."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.flows.run_analysis", point, *self.arguments],
            cwd=ROOT, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        time.sleep(LEASE)  # what the dead process held is free

    async def states(self, scenario: str) -> dict[str, tuple[str, str]]:
        """State and failure of the study's items of the scenario, by their keys."""
        journal = await dump_journal(self.journal_url)
        return {
            row["key"]: (row["state"], json.loads(row["failure"] or "{}").get("error", ""))
            for row in journal.items.values()
            if row["scenario"] == scenario
        }

    def alerts(self, what: str) -> list[dict[str, str]]:
        """The alerts of this kind, as the log has them."""
        lines = (settings().data / LOG_FILE).read_text("utf-8").splitlines()
        events = [json.loads(line) for line in lines]
        return [e for e in events if e["event"] == what and self.name in e["item"]]


@pytest.fixture
def study(
    environment: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    journal_url: str,
) -> Iterator[Sales]:
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", str(LEASE))
    settings.cache_clear()
    study = Sales(f"sales-{uuid4().hex[:8]}", tmp_path, journal_url)
    (tmp_path / "contract.yaml").write_text(CONTRACT.replace("NAME", study.name), "utf-8")
    study.write()
    yield study
    shutil.rmtree(study.store.folder, ignore_errors=True)


def recover_elsewhere() -> None:
    """Recovery in a process that did not open the run."""
    subprocess.run([sys.executable, "-c", RECOVER], cwd=ROOT, check=True)


@pytest.mark.campaign
async def test_a_run_killed_in_train_candidate_whose_data_has_changed_since_is_ended_by_recovery(
    study: Sales,
) -> None:
    study.killed_at("called:train_candidate")
    old = await study.states("candidates")
    before = study.store.published()
    assert before is not None
    study.write(days=41)
    await study.run()
    after = study.store.published()
    assert after is not None
    for part in before.parts:
        shutil.rmtree((study.store.folder / part.file).parent)

    recover_elsewhere()

    states = await study.states("candidates")
    ends = {states[key] for key in old}
    replaced = f"the data of study '{study.name}' has been replaced"
    assert {state for state, _ in ends} == {"completed", "failed"}  # one had been trained
    assert all(why.startswith(replaced) for state, why in ends if state == "failed")
    registry = study.models.read()
    assert {card.data for card in registry.cards.values()} == {after.digest}
    assert (await dead_letters.fn(scenario="candidates")).table == []
    assert (await recover.fn()).table == []


@pytest.mark.parametrize(
    "point",
    ["called:select_model", pytest.param("written:select_model", marks=pytest.mark.campaign)],
)
@pytest.mark.campaign
async def test_a_comparison_of_data_that_has_changed_since_is_ended_without_a_trace(
    study: Sales, point: str
) -> None:
    study.killed_at(point)
    (old,) = await study.states("comparisons")
    study.write(days=41)
    report = await study.run()
    assert report.status() == 0, report.notes()
    registry, page = study.models.read(), (study.store.folder / FILE).read_bytes()

    recover_elsewhere()

    state, why = (await study.states("comparisons"))[old]
    assert state == "failed"
    assert why.startswith(f"the data of study '{study.name}' has been replaced: dataset ")
    assert study.models.read() == registry
    assert (study.store.folder / FILE).read_bytes() == page
    assert (await dead_letters.fn(scenario="comparisons")).table == []


@pytest.mark.campaign
async def test_recovery_finishes_a_comparison_and_raises_its_alert(study: Sales) -> None:
    study.write(dearer=3)
    study.killed_at("called:write_report")
    assert study.alerts("drift") == []

    recover_elsewhere()

    assert [state for state, _ in (await study.states("comparisons")).values()] == ["completed"]
    (alert,) = study.alerts("drift")
    assert (alert["item"], alert["reason"].split(":")[0]) == (study.name, "price")
    assert (study.store.folder / FILE).exists()
    again = await study.run()
    assert (again.processed, again.status()) == (0, 0)


@pytest.mark.campaign  # the same way as in training, above
async def test_recovery_cleans_what_a_killed_run_has_collected(study: Sales) -> None:
    study.killed_at("written:collect_partition")

    recover_elsewhere()

    assert {state for state, _ in (await study.states("partitions")).values()} == {"completed"}
    report = await study.run()
    assert (report.processed, report.status()) == (0, 0)


# A file or folder that makes the agent of each scenario fail, and the number of its items.
OBSTACLES = {"partitions": ("clean", 2), "candidates": ("models", 3), "comparisons": (FILE, 1)}


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param("comparisons", marks=pytest.mark.campaign),
        pytest.param("partitions", marks=pytest.mark.campaign),
        pytest.param("candidates", marks=pytest.mark.campaign),
    ],
)
async def test_dead_letters_are_shown_replayed_cancelled_discarded_and_pruned(
    study: Sales, scenario: str
) -> None:
    name, count = OBSTACLES[scenario]
    obstacle = study.store.folder / name
    if scenario == "comparisons":
        obstacle.mkdir(parents=True)  # where a link should be, and it cannot be moved aside
        (obstacle.parent / "report-earlier.html" / "kept").mkdir(parents=True)
    else:
        obstacle.parent.mkdir(parents=True)
        obstacle.touch()  # where a folder should be
    report = await study.run()
    assert report.status() == 1

    listed = await dead_letters.fn(scenario=scenario)
    assert len(listed.table) == count
    keys = sorted(row["item"] for row in listed.table)
    shown = await show_item.fn(keys[0], scenario=scenario)
    assert any(line.startswith("dead letter (open)") for line in shown.lines)

    if scenario == "comparisons":
        obstacle.rmdir()
    else:
        obstacle.unlink()
    replayed = await replay.fn(**WHO, keys=keys[:1], per_minute=6_000, scenario=scenario)
    assert replayed.title == "1 replayed"
    ends = ["completed"]
    if count > 1:
        await cancel.fn(keys[1], **WHO, scenario=scenario)
        ends.append("cancelled")
    if count > 2:
        await discard.fn(keys[2], **WHO, scenario=scenario)
        ends.append("failed")
    states = await study.states(scenario)
    assert [states[key][0] for key in keys] == ends
    pruned = {row["scenario"]: row["items"] for row in (await prune.fn(1e-9)).table}
    assert pruned[scenario] == str(count)


@pytest.mark.campaign
async def test_an_item_waits_where_its_data_is_not_and_goes_on_where_it_is(
    study: Sales, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    study.killed_at("called:train_candidate")
    here = settings().data
    shutil.rmtree(study.store.folder / "models", ignore_errors=True)
    shutil.move(study.store.folder, tmp_path / "elsewhere")

    await recover.fn()

    waiting = (await waiting_items.fn(scenario="candidates")).table
    assert len(waiting) == 3
    assert {row["asks"].partition(":")[0] for row in waiting} == {
        f"no dataset of study '{study.name}' is in {here / 'analysis' / study.name}"
    }
    shutil.move(tmp_path / "elsewhere", study.store.folder)
    for row in waiting:
        await decide.fn(row["item"], "approve", **WHO, scenario="candidates")
    states = await study.states("candidates")
    assert {state for state, _ in states.values()} == {"completed"}


@pytest.mark.parametrize("scenario", OBSTACLES)
@pytest.mark.usefixtures("environment")
async def test_a_body_is_not_corrected_by_hand(scenario: str) -> None:
    with pytest.raises(NotCorrectable, match="correct their source and run it again"):
        await edit.fn("sales/a@1", **WHO, body={}, scenario=scenario)
