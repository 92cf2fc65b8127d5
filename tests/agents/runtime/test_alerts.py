"""An alert is in the log; all of one kind of a batch are one event, with a link to the form that acts."""

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from agents.runtime import alerts
from agents.runtime.alerts import Alert, alert, form_url, send
from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import Parked
from agents.runtime.execution.decorator import agent
from agents.runtime.model.policies import READ
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import Job, Made, jobs, run
from tests.prefect_server import PrefectServer

SECONDS = 60.0


async def test_each_alert_is_a_line_of_the_log_with_item_and_trace(
    opened: Runtime, tmp_path: Path
) -> None:
    await send([Alert("parked", "jobs", f"j{n}", "cannot be read", f"t{n}") for n in range(3)])
    log = (tmp_path / "agent-flows.log").read_bytes()
    lines = [orjson.loads(line) for line in log.splitlines()]
    found = [
        (x["level"], x["item"], x["trace"], x["reason"]) for x in lines if x["event"] == "parked"
    ]
    assert found == [("warning", f"j{n}", f"t{n}", "cannot be read") for n in range(3)]
    assert opened.lease.remaining() > 0


async def test_an_alert_without_a_batch_is_in_the_log_too(opened: Runtime, tmp_path: Path) -> None:
    alert("out-of-stock", "jobs", "j1", "no pieces")
    lines = map(orjson.loads, (tmp_path / "agent-flows.log").read_bytes().splitlines())
    assert [x["item"] for x in lines if x["event"] == "out-of-stock"] == ["j1"]
    assert opened.lease.remaining() > 0


async def test_an_event_that_cannot_be_sent_ends_no_work(
    opened: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise ConnectionError("no server")

    monkeypatch.setattr("prefect.events.emit_event", refuse)
    monkeypatch.setattr(alerts, "in_flow_run", lambda: True)
    await send([Alert("out-of-stock", "jobs", "j1", "no pieces")])
    log = (tmp_path / "agent-flows.log").read_text("utf-8")
    assert "an alert is not an event" in log
    assert opened.lease.remaining() > 0


def form_of(url: str) -> dict[str, Any]:
    """What Prefect's UI fills into the form of this address."""
    found: dict[str, Any] = json.loads(parse_qs(urlsplit(url).query)["parameters"][0])
    return found


@pytest.mark.slow
# Prefect's client for events leaves its connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_batch_sends_one_event_a_kind_with_a_link_to_the_form(
    prefect_server: PrefectServer, journal_settings: Settings
) -> None:
    @agent(READ)
    async def ask(job: Job) -> Made:
        alert("out-of-stock", "jobs", f"job-{job.n}", "no pieces")
        raise Parked("may it go on?")

    @flow
    async def decide(key: str, scenario: str) -> None: ...

    @flow
    async def work() -> None:
        async with open_runtime(journal_settings):
            await run(jobs(40), ask)

    interface = prefect_server.url.removesuffix("/api")
    with temporary_settings({PREFECT_API_URL: prefect_server.url, PREFECT_UI_URL: interface}):
        async with get_client() as client:
            flow_id = await client.create_flow(decide)
            deployed = await client.create_deployment(flow_id, "decide")
            try:
                await work()
                parked, shortage = await events("agent-flows.parked", "agent-flows.out-of-stock")
            finally:
                await client.delete_deployment(deployed)
    assert parked["payload"]["count"] == shortage["payload"]["count"] == 40
    first = parked["payload"]["items"][0]
    assert parked["payload"]["reason"] == f"{first}: may it go on? and 39 more"
    link = parked["payload"]["form"]
    assert link.startswith(f"{interface}/deployments/deployment/{deployed}/run?parameters=")
    assert form_of(link) == {"key": first, "scenario": "jobs"}
    assert shortage["payload"]["form"] == ""
    lines = map(orjson.loads, (journal_settings.data / "agent-flows.log").read_bytes().splitlines())
    [run_of_lines] = {line["flow_run"] for line in lines if line["event"] == "parked"}
    related = {one["prefect.resource.id"] for one in parked["related"]}
    assert f"prefect.flow-run.{run_of_lines}" in related


async def events(*names: str) -> Sequence[dict[str, Any]]:
    """The one event of each name that the server gets for our items, within a minute."""
    wanted = {"filter": {"event": {"name": list(names)}, "resource": {"id_prefix": ["agent-flows.jobs."]}}}  # fmt: skip
    until = time.monotonic() + SECONDS
    async with get_client() as client:
        while True:
            found = (await client._client.post("/events/filter", json=wanted)).json()["events"]
            if len({one["event"] for one in found}) == len(names):
                break
            assert time.monotonic() < until, found
            await asyncio.sleep(0.5)
    by_name = {name: [one for one in found if one["event"] == name] for name in names}
    assert {name: len(same) for name, same in by_name.items()} == dict.fromkeys(names, 1)
    return [same[0] for same in by_name.values()]


@pytest.mark.usefixtures("opened")
async def test_an_alert_without_a_server_has_no_link() -> None:
    assert await form_url(Alert("out-of-stock", "jobs", "j", "none")) == ""
