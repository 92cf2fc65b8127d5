"""Programs act by events: triggers of the deployments start the operations with what the events say."""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.runtime.context import open_runtime
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.settings import settings
from agents.tasks.models import Workflow
from agents.tasks.run import open_run
from tests.agents.runtime.jobs import until
from tests.agents.tasks.running import words, workflow_of
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.campaign

ACTS = ("add-tasks", "skip", "cancel-workflow", "move")
RUN_SECONDS = 600


@pytest.fixture
def deployed(
    prefect_server: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PrefectServer]:
    """The server with the operations that events start, and a worker."""
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    settings.cache_clear()
    applied = prefect_server.run(sys.executable, "-m", "deployments.apply", seconds=RUN_SECONDS)
    assert applied.returncode == 0, applied.stderr
    names = (argument for act in ACTS for argument in ("--name", act))
    made = prefect_server.prefect("--no-prompt", "deploy", *names, seconds=RUN_SECONDS)
    assert made.returncode == 0, made.stdout + made.stderr
    with temporary_settings({PREFECT_API_URL: prefect_server.url}), prefect_server.worker():
        yield prefect_server
    settings.cache_clear()


async def test_programs_add_skip_move_and_cancel_by_events(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    for name in ("nightly", "other"):
        await _accepted(workflow_of({"a": [], "b": ["a"], "c": [], "d": ["b", "c"]}, name))
    more = tmp_path / "more.yaml"
    more.write_text("name: other\ntasks: [{id: e, needs: [d]}]", "utf-8")
    await asyncio.gather(
        _emit(deployed, "cancel-workflow", workflow="nightly"),
        _emit(deployed, "skip", key="other/a", branch=True),
        _emit(deployed, "add-tasks", file=str(more)),
        _emit(deployed, "move", key="other/c", to="front", scenario="tasks"),
    )

    async def is_done() -> bool:
        async with open_runtime(settings()) as opened:
            acts = {one.entry.act for one in await entries(opened.journal, AuditFilter())}
        return {"cancel", "skip", "add", "move"} <= acts

    await until(is_done, RUN_SECONDS)
    assert set((await words("nightly")).values()) == {"cancelled"}
    waits = "waits for others"
    assert await words("other") == {
        "a": "skipped",
        "b": "skipped",
        "c": "pending",
        "d": waits,
        "e": waits,
    }


async def _accepted(workflow: Workflow) -> None:
    async with open_run(workflow) as run:
        await run.accept()


async def _emit(server: PrefectServer, act: str, **payload: object) -> None:
    known = {"by": "monitor", "reason": "disk is full"} | payload
    arguments = ("--resource-id", "agent-flows.monitor", "--payload", json.dumps(known))
    name = f"agent-flows.request.{act}"
    sent = await asyncio.to_thread(server.prefect, "event", "emit", name, *arguments)
    assert sent.returncode == 0, sent.stdout + sent.stderr
