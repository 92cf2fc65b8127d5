"""Version 2 of invoice approval asks first; both versions run side by side, by the commands of people."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.invoices.ask_approval import LIMIT
from agents.runtime.context import open_runtime
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.journal.rollouts import RolloutRefused
from agents.runtime.journal.submit import Sender, accept
from agents.runtime.settings import settings
from flows.operations.consumer import consume
from flows.operations.recovery import recover
from flows.operations.resume import act_and_resume
from flows.operations.versions import promote, roll_back, rollout, versions
from tests.agents.invoices.conftest import Office
from tests.agents.runtime.jobs import new_items

ROOT = Path(__file__).resolve().parents[3]
DEAR = 100 * LIMIT + 1
ANN: dict[str, Any] = {"by": "ann", "reason": "asks before it books", "scenario": "invoices"}


async def decided(office: Office, number: int, *, approved: bool) -> str:
    action = OperatorAction("invoices", f"{office.name}-{number}", "ann", "asked the supplier")
    done = await act_and_resume(action, lambda journal: decide(journal, action, approved=approved))
    return done.title.rpartition(" ")[2]


async def table() -> list[tuple[str, str, str]]:
    listing = await versions.fn("invoices")
    return [(row["version"], row["role"], row["begun"]) for row in listing.table]


async def test_each_invoice_stays_with_the_version_that_began_it(office: Office) -> None:
    await office.approve(office.invoice(1, total=DEAR), office.invoice(2, total=DEAR))
    await rollout.fn(2, **ANN, share=100.0)
    await office.approve(*(office.invoice(n, total=DEAR) for n in (1, 2, 3, 4)))
    assert office.entries() == {office.key(1): "open", office.key(2): "open"}, "3 and 4 ask first"
    assert await table() == [("1", "current", "2"), ("2", "candidate", "2")]

    assert [await decided(office, n, approved=True) for n in (1, 3)] == ["approved", "approved"]
    assert [await decided(office, n, approved=False) for n in (2, 4)] == ["refused", "refused"]

    assert office.entries() == {
        office.key(1): "open",
        office.key(2): "closed",
        office.key(3): "open",
    }, "the rejected invoice of version 1 is reversed, that of version 2 was never booked"
    assert office.calls("books.make") == 3
    assert await table() == [("1", "current", "0"), ("2", "candidate", "0")]


async def test_a_promotion_and_a_roll_back_are_one_command_each(office: Office) -> None:
    with pytest.raises(RolloutRefused, match="there was none yet"):
        await promote.fn(**ANN)
    begun = await rollout.fn(2, **ANN, tenants=["shop-a"])
    assert "all items of these tenants begin with it: shop-a" in begun.lines
    promoted = await promote.fn(**ANN)
    assert promoted.title == (
        "invoices: new items begin with version 2, items of version 1 are finished by it"
    )
    await office.approve(office.invoice(1, total=DEAR))
    assert office.entries() == {}
    await roll_back.fn(**ANN)
    await office.approve(office.invoice(2, total=DEAR))
    assert office.entries() == {office.key(2): "open"}
    assert await table() == [("1", "current", "1"), ("2", "draining", "1")]
    async with open_runtime(settings()):
        assert [await decided(office, n, approved=True) for n in (1, 2)] == ["approved"] * 2
    assert await table() == [("1", "current", "0"), ("2", "drained", "0")]


async def test_recovery_rolls_a_worse_version_back_and_tells_when_it_is_drained(
    office: Office,
) -> None:
    await office.approve(*(office.invoice(n) for n in range(5)))
    await rollout.fn(2, **ANN, share=100.0, samples=5)
    await office.approve(*(office.invoice(n, vat_id="DE999999000") for n in range(5, 10)))
    rolled_back = {"scenario": "invoices", "what": "versions rolled back", "items": "1"}
    assert (await recover.fn()).table == [rolled_back]
    listing = await versions.fn("invoices")
    [line] = listing.lines
    assert line == (
        "version 2 is rolled_back, by watch: version 2 failed for 100.0 % of 5 items, version 1 for "
        "0.0 % of 5: 100.0 percentage points more, the bound is 5"
    )
    drained = {"scenario": "invoices", "what": "versions drained", "items": "1"}
    assert (await recover.fn()).table == [drained]
    assert (await recover.fn()).table == []


async def test_a_consumer_says_when_it_starts_that_the_code_of_a_version_is_gone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_REDIS_URL", f"unix://{office.folder}/nobody.sock")
    settings.cache_clear()
    async with open_runtime(settings()) as opened:
        gone = Sender("default", "invoices", "3")
        await accept(opened.journal.database, gone, new_items([f"{office.name}-1"]))
    consumed = await consume.fn("invoices", idle_seconds=0.1)
    assert consumed.title.startswith("0 items")
    log = (office.data / "agent-flows.log").read_text("utf-8")
    assert "1 queued and 0 begun items and 0 dead letters are of version 3" in log
    listing = await versions.fn("invoices")
    assert [(row["version"], row["role"], row["queued"]) for row in listing.table] == [
        ("1", "current", "0"),
        ("2", "unused", "0"),
        ("3", "missing", "1"),
    ]


@pytest.mark.campaign
@pytest.mark.usefixtures("short_lease")
async def test_what_a_killed_process_began_keeps_its_version_after_a_promotion(
    office: Office,
) -> None:
    invoices = office.invoice(1, total=DEAR), office.invoice(2, total=DEAR)
    command = [sys.executable, "-m", "tests.agents.invoices.run_invoices", office.write(*invoices)]
    killed = await asyncio.to_thread(
        subprocess.run, [*command, "called:book_invoice"], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    await rollout.fn(2, **ANN)
    await promote.fn(**ANN)

    report = await office.approve(*invoices, office.invoice(3, total=DEAR))

    assert report.outcomes["waiting"] == 3
    assert office.entries() == {office.key(1): "open", office.key(2): "open"}, "booked, then asked"
    assert await table() == [("1", "draining", "2"), ("2", "current", "1")]
