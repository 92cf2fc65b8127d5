"""Analyses that are asked for over the API: each tenant has its own, under the rules of the fetcher."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import select
from starlette.requests import Request

from agents.analysis.sample.serving import Server, serving
from agents.runtime.context import open_runtime, runtime
from agents.runtime.journal.schema import items
from agents.runtime.settings import PREFIX, ROOT, settings
from deployments.gateway.access import Principal, Scope
from deployments.gateway.app import create_app
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS
from tests.agents.analysis.cleaning.planted import planted
from tests.agents.analysis.modelling.toy import sales
from tests.agents.runtime.jobs import until
from tests.flows.test_data_analysis import CONTRACT

pytestmark = pytest.mark.slow

SALES: dict[str, Any] = {
    "name": "sales",
    "time": "at",
    "columns": {
        "at": {"type": "time", "required": True},
        "shop": {"type": "text", "known_before": True},
        "price": {"type": "number", "known_before": True},
        "sold": {"type": "number"},
        "minutes": {"type": "number"},
    },
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    served = tmp_path / "served"
    served.mkdir()
    for n in range(2):
        (served / f"part-{n}.csv").write_bytes(planted(300, 1, seed=n).text)
    sales()[0].to_csv(served / "sales.csv", index=False)
    (served / "broken.csv").write_text('id,at\n1,"2025-01-01\n', encoding="utf-8")
    with serving(served) as server:
        yield server


@pytest.fixture
async def opened(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    monkeypatch.setenv(f"{PREFIX}DATA", str(tmp_path / "data"))
    monkeypatch.setenv(f"{PREFIX}FETCH_ALLOWED", f'["{server.host}"]')
    settings.cache_clear()
    async with open_runtime(settings()):
        yield
    settings.cache_clear()


def client_of(tenant: str) -> httpx.AsyncClient:
    async def authenticate(_request: Request) -> Principal:
        return Principal("ann", tenant, frozenset(Scope))

    transport = httpx.ASGITransport(create_app(authenticate))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def ask(client: httpx.AsyncClient, name: str, *source: str, **more: Any) -> None:
    """Submit an analysis, which is then carried out as far as it goes."""
    body = {"analysis": name, "source": source, "contract": yaml.safe_load(CONTRACT)} | more
    answer = await client.post("/v/analyses", json=body)
    assert answer.status_code == 202, answer.text
    ids = [row.id for row in await _rows()]
    await finish(WORKFLOWS["analyses"], ids)


async def _rows() -> list[Any]:
    async with runtime().journal.database.read() as connection:
        return list((await connection.execute(select(items))).all())


async def test_an_analysis_leaves_its_report_and_the_rows_that_it_refused(
    opened: None, server: Server, tmp_path: Path
) -> None:
    async with client_of("acme") as client:
        await ask(client, "q3", *(f"http://{server.host}/part-{n}.csv" for n in range(2)))
        found = (await client.get("/v/analyses/q3")).json()
        assert (found["state"], found["outcome"]) == ("completed", "published")
        report = (await client.get("/v/analyses/q3/report")).json()
        [source] = report["sources"]
        assert source["rows"] == source["good"] + source["quarantined"] + source["deduplicated"]
        assert (report["study"], source["rows"]) == ("acme.q3", 602)
        assert str(tmp_path) not in str(report)

        rows, after = list[dict[str, Any]](), None
        while after is not None or not rows:
            query = {"limit": 7} | ({"after": after} if after else {})
            answer = (await client.get("/v/analyses/q3/quarantine", params=query)).json()
            rows, after = rows + answer["rows"], answer["next"]
        assert len(rows) == source["quarantined"] > 14
        assert len({(row["partition"], row["line"]) for row in rows}) == len(rows)
        table = await client.get("/v/analyses/q3/quarantine.csv", params={"limit": 1_000})
        assert table.text.splitlines()[0] == "source,partition,line,rules,row"
        assert table.headers["x-content-type-options"] == "nosniff"
        assert (await client.get("/v/analyses/q3/report.html")).status_code == 404

    async with client_of("other") as other:
        for path in ("", "/report", "/report.html", "/quarantine", "/quarantine.csv"):
            assert (await other.get(f"/v/analyses/q3{path}")).status_code == 404
        await ask(other, "q3", f"http://{server.host}/part-1.csv")
        report = (await other.get("/v/analyses/q3/report")).json()
        assert (report["study"], report["sources"][0]["rows"]) == ("other.q3", 301)
    tenants = {(row.scenario, row.tenant) for row in await _rows()}
    assert tenants == {(s, t) for s in ("analyses", "partitions") for t in ("acme", "other")}


@pytest.mark.campaign
async def test_models_are_trained_and_shown_on_a_page_that_runs_nothing(
    opened: None, server: Server
) -> None:
    async with client_of("acme") as client:
        url = f"http://{server.host}/sales.csv"
        await ask(client, "models", url, contract=SALES, target="sold")
        report = (await client.get("/v/analyses/models/report")).json()
        assert report["failures"] == {}
        page = await client.get("/v/analyses/models/report.html")
        assert "<h1>acme.models</h1>" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox" in policy
        assert "unsafe" not in policy
        assert policy.count("'sha256-") == 1


async def test_what_cannot_be_read_ends_without_a_report_of_this_machine(
    opened: None, server: Server, tmp_path: Path
) -> None:
    async with client_of("acme") as client:
        await ask(client, "missing", f"http://{server.host}/nothing.csv")
        await ask(client, "inside", "http://127.0.0.1:1/secret.csv")
        await ask(client, "broken", f"http://{server.host}/broken.csv")
        for name in ("missing", "inside"):
            found = (await client.get(f"/v/analyses/{name}")).json()
            assert (found["state"], found["outcome"]) == ("failed", "not analysed")
            assert (await client.get(f"/v/analyses/{name}/report")).status_code == 404
        broken = await client.get("/v/analyses/broken/report")
        assert (broken.json()["published"], broken.status_code) == ("", 200)
        assert broken.json()["failures"]
        assert str(tmp_path) not in broken.text


@pytest.mark.campaign
@pytest.mark.parametrize(
    "point",
    [
        "written:plan_analysis",
        "accepted",
        "written:clean_partition",
        "ended",
        "written:conclude_analysis",
    ],
)
async def test_an_analysis_whose_process_is_killed_is_finished_by_another(
    opened: None, server: Server, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", "1")
    async with client_of("default") as client:
        urls = [f"http://{server.host}/part-{n}.csv" for n in range(2)]
        body = {"analysis": "q3", "source": urls, "contract": yaml.safe_load(CONTRACT)}
        assert (await client.post("/v/analyses", json=body)).status_code == 202
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.flows.run_asked", point), cwd=ROOT
        )
        assert await child.wait() == -signal.SIGKILL
        found = {"state": ""}

        async def is_completed() -> bool:
            await finish(WORKFLOWS["analyses"])
            found.update((await client.get("/v/analyses/q3")).json())
            return found["state"] == "completed"

        await until(is_completed)
        report = (await client.get("/v/analyses/q3/report")).json()
        assert (report["failures"], report["sources"][0]["rows"]) == ({}, 602)
        assert report["published"]
    states = [(row.scenario, row.state) for row in await _rows()]
    assert sorted(states) == [("analyses", "completed"), *[("partitions", "completed")] * 2]
