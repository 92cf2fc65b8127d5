"""Artifacts of a flow run are stored by the server; outside of a flow run nothing is shown."""

import asyncio
import json

import pytest
from prefect import flow
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.runtime import prefect_ui
from agents.runtime.context import open_runtime
from agents.runtime.model.batch import RunStats
from agents.runtime.prefect_ui import (
    Progress,
    publish_image,
    publish_link,
    publish_markdown,
    publish_table,
    rename_run,
)
from agents.runtime.run_context import in_flow_run
from agents.runtime.settings import Settings
from tests.faults.prefect_proxy import FaultMode, faulty_proxy


async def show() -> None:
    await rename_run("forty-two")
    for n in (1, 2):
        await publish_table("Orders: by state", [{"a": n}], "a table")
    await publish_markdown("report", "# hello", "a report")
    await publish_link("where", "https://example.com/report", "the report")
    await publish_image("picture", "data:image/png;base64,aGVsbG8=", "a picture")
    progress, stats = Progress("jobs"), RunStats(expected=4)
    for _ in range(2):
        stats.count("done")
        await progress.show(stats)


async def test_outside_of_a_flow_run_nothing_is_shown() -> None:
    """No server is called or started either."""
    assert not in_flow_run()
    await show()


async def test_the_key_of_an_artifact_names_the_installation(journal_settings: Settings) -> None:
    async with open_runtime(journal_settings) as opened:
        installation = opened.journal.installation
    # A report is shown after the journal is closed.
    assert prefect_ui._key("Orders: by state") == f"orders-by-state-{installation[:8]}"


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
async def test_artifacts_of_a_flow_run_are_stored_by_the_server() -> None:
    @flow
    async def workflow() -> None:
        assert in_flow_run()
        await show()

    await workflow()
    async with get_client() as client:
        (run,) = [run for run in await client.read_flow_runs() if run.name == "forty-two"]
    table, report = [await Artifact.aget(key) for key in ("orders-by-state", "report")]
    shown = [await Artifact.aget(key) for key in ("where", "picture")]
    assert [one and one.type for one in shown] == ["markdown", "image"]
    async with get_client() as client:
        tables = [one for one in await client.read_artifacts() if one.type == "table"]
    assert [json.loads(str(one.data)) for one in tables] == [[{"a": 2}]]  # updated in place
    bar = await Artifact.aget("jobs")
    assert (table and table.flow_run_id, report and report.data) == (run.id, "# hello")
    assert bar is not None
    assert bar.data == 50.0


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
@pytest.mark.parametrize("mode", ["denying", "unavailable"])
async def test_what_cannot_be_shown_ends_no_work(
    mode: FaultMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server refuses, or is out of service for longer than is waited for it."""
    monkeypatch.setattr(prefect_ui, "SHOW_SECONDS", 0.3)

    async with faulty_proxy(str(PREFECT_API_URL.value()).removesuffix("/api"), seed=1) as proxy:
        proxy.fault_rate = 1.0

        @flow
        async def workflow() -> str:
            proxy.mode = mode
            await show()
            proxy.mode = "healthy"
            return "done"

        with temporary_settings({PREFECT_API_URL: proxy.url}):
            # In a thread, as Prefect waits for a request within its own event loop.
            assert await asyncio.to_thread(asyncio.run, workflow()) == "done"
    assert proxy.fault_count >= 6  # each request but the second of the progress bar
