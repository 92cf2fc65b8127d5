"""Every log line has its item and trace id, and outcomes are counted by agent and version."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import items
from agents.runtime.model.policies import READ
from agents.runtime.settings import Settings
from agents.runtime.telemetry import Work, enter, get_logger, traceparent
from agents.runtime.trace_context import new_trace
from tests.agents.runtime.jobs import Job, Made, jobs, rows, run


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_log_line_has_item_and_trace(journal_settings: Settings, tmp_path: Path) -> None:
    log = get_logger("agents.test")

    @agent(READ)
    async def read(_job: Job) -> Made:
        log.info("reading")
        return Made(by="read")

    async with open_runtime(journal_settings):
        await run(jobs(2), read)
        traces = {row.key: row.trace for row in await rows(items)}
    lines = [json.loads(line) for line in (tmp_path / "agent-flows.log").read_text().splitlines()]
    written = [line for line in lines if line["event"] == "reading"]
    assert {line["item"]: line["trace"] for line in written} == traces
    assert {(line["level"], line["logger"]) for line in written} == {("info", "agents.test")}


@pytest.mark.usefixtures("opened", "no_waits")
async def test_agents_are_counted_by_version_and_outcome(opened: Runtime) -> None:
    @agent(READ, version="3.1")
    async def probe(job: Job) -> Made:
        if job.n == 0:
            raise ValueError
        return Made(by="probe")

    await run(jobs(5), probe)
    labels = {"agent": "probe", "version": "3.1"}
    assert counted("agent_flows_items_total", **labels, outcome="done") % 4 == 0
    assert counted("agent_flows_items_total", **labels, outcome="dead_lettered") >= 1
    assert counted("agent_flows_agent_seconds_count", **labels) >= 5


def test_the_trace_is_sent_in_the_form_of_w3c() -> None:
    trace = new_trace()
    enter(Work("order-7", trace))
    first, second = traceparent(), traceparent()
    assert re.fullmatch(rf"00-{trace}-[0-9a-f]{{16}}-01", first)
    assert first != second
