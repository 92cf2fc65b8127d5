"""A day of an installation in production form: all scenarios at work, while parts of it change and are lost.

Orders come through the gateway, by a deployment and to a function; invoices, turns of customers and tables
of data come meanwhile. A version of the invoice agents is upgraded, an API server and a cloud are lost.
Prometheus answers what the dashboards ask. At the end everything is at rest, and nothing happened twice.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from prefect.client.schemas.objects import WorkPoolStatus
from sqlalchemy import select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items
from agents.runtime.model.lifecycle import ENDED
from deployments.client import Gateway, Retries
from deployments.observability.dashboards import queries
from tests.deployments.observability.test_prometheus import PROMETHEUS, prometheus
from tests.deployments.topology.clouds import consumers_in, lose, pool_is, start, working
from tests.deployments.topology.installation import Installation
from tests.deployments.topology.items import ended, problems, reached, submit
from tests.deployments.topology.test_fail_over import PLACEMENT, in_clouds
from tests.flows.shop import Shop
from tests.prefect_server import ROOT

__all__ = ["in_clouds"]
pytestmark = [
    pytest.mark.campaign,
    pytest.mark.timeout(3_600),
    pytest.mark.skipif(PROMETHEUS is None, reason="Debian's package prometheus is not installed"),
]

ORDERS, FILED = 300, 50  # through the gateway, and in a file for the deployment
INVOICES, TURNS = 40, 10
CHANGED_AFTER = 60  # orders have ended
FUNCTION_SECONDS = 60  # of one invocation
RUNS = ("order-processing", "customer-service", "data-analysis")
CUSTOMER = "c1"
CONTRACT = """
name: sales
time: at
columns:
  at: {type: time, zone: UTC, required: true}
  sold: {type: integer}
"""


@pytest.mark.usefixtures("in_clouds")
async def test_everything_ends_once_while_a_version_a_server_and_a_cloud_change(
    installation: Installation, gateway: Gateway, database: Database, here: Path, tmp_path: Path
) -> None:
    day = Day(installation, gateway, database, here, tmp_path)
    await day.begin()
    with prometheus(tmp_path, here) as monitor:
        async with asyncio.TaskGroup() as work:
            work.create_task(day.orders_by_gateway())
            work.create_task(day.runs_of_deployments())
            work.create_task(day.conversation())
            work.create_task(day.invoices_of_two_versions())
            work.create_task(day.changes())
        await day.end()
        await asyncio.to_thread(require_answers, monitor)
    assert await problems(day.shop, shipped=ORDERS + FILED, refunded=1) == []
    outcomes = await day.outcomes()
    assert set(outcomes["invoices"]) == {"approved"}
    assert sum(outcomes["invoices"].values()) == INVOICES
    assert sum(outcomes["turns"].values()) == 2 * TURNS


class Day:
    """What happens meanwhile; each method is one of the things that happen side by side."""

    def __init__(
        self,
        installation: Installation,
        gateway: Gateway,
        database: Database,
        data: Path,
        folder: Path,
    ) -> None:
        self._installation, self._gateway, self._database = installation, gateway, database
        self._folder = folder
        self.shop = Shop(f"d{uuid4().hex[:8]}", folder, data, installation.journal_url)
        self._changed = asyncio.Event()

    async def begin(self) -> None:
        """Two clouds with a worker each, consumers in the cheaper one, and the shop's goods."""
        for cloud in ("gcp", "aws"):
            start(self._installation, cloud)
            await reached(lambda name=cloud: pool_is(name, WorkPoolStatus.READY), 1)  # type: ignore[misc]  # mypy: lambda
        prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
        names = [word for name in RUNS for word in ("-n", name)]
        await asyncio.to_thread(self._installation.job, [*prefect, "deploy", *names])
        await asyncio.to_thread(self._installation.job, PLACEMENT)
        for placed in ("orders", "others"):
            await reached(lambda name=placed: working(self._database, "aws", name), 1)  # type: ignore[misc]  # mypy: lambda
        await self.shop.enqueue([self.shop.order(ORDERS + FILED, "anvil")])

    async def orders_by_gateway(self) -> None:
        """Orders over HTTP."""
        await submit(self._gateway, "orders", self.shop.orders(ORDERS))

    async def runs_of_deployments(self) -> None:
        """A run of each deployment, by the default worker."""
        filed = [self.shop.order(number) for number in range(ORDERS, ORDERS + FILED)]
        asked = [
            {
                "conversation": f"{self.shop.name}-{n}",
                "user": CUSTOMER,
                "text": "Where is my order?",
            }
            for n in range(TURNS)
        ]
        table, contract = self._folder / "sales.csv", self._folder / "sales.yaml"
        rows = (f"2026-01-{1 + n % 28:02}T00:00:00,{n}\n" for n in range(200))
        table.write_text("at,sold\n" + "".join(rows), "utf-8")
        contract.write_text(CONTRACT, "utf-8")
        parameters: dict[str, dict[str, Any]] = {
            "order-processing": {
                "orders": self.shop.write(filed, "filed.jsonl"),
                "report": str(self._folder / "filed.md"),
                "stock": self.shop.stock,
            },
            "customer-service": {
                "file": self.shop.write(asked, "turns.jsonl"),
                "out": str(self._folder / "replies.jsonl"),
            },
            "data-analysis": {"source": [str(table)], "contract": str(contract)},
        }
        for name, given in parameters.items():
            await asyncio.to_thread(self._run, name, given)

    def _run(self, name: str, parameters: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "prefect", "deployment", "run", f"{name}/{name}"]
        self._installation.job([*command, "--params", json.dumps(parameters), "--watch"])

    async def conversation(self) -> None:
        """A customer talks to the gateway while the rest happens."""
        wanted = {"name": f"app-{self.shop.name}", "scopes": ["chat"], "customer": CUSTOMER}
        made = await self._change("POST", "/keys", wanted | {"reason": "the app"})
        patient = Retries(60, longest_pause=5.0)
        async with Gateway(
            self._installation.gateway, made.json()["key"], retries=patient
        ) as customer:
            talk = await customer.begin_conversation()
            for number in range(TURNS):
                turn = await talk.say("Where is my order?", idempotency_key=f"turn {number}")
                assert turn.reply

    async def invoices_of_two_versions(self) -> None:
        """Half of the invoices begin with version 1 of their agents, the others with version 2."""
        await submit(self._gateway, "invoices", self._invoices(0, INVOICES // 2))
        await self._changed.wait()
        why = {"reason": "asks before it books"}
        path = "/rollouts/invoices"
        candidate = {"candidate": 2, "worse_duration_times": 1_000.0}  # the machine is busy
        await self._change("PUT", path, why | candidate)
        await self._change("POST", f"{path}/promote", why)
        await submit(self._gateway, "invoices", self._invoices(INVOICES // 2, INVOICES))

    async def _change(self, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"Idempotency-Key": uuid4().hex}
        return await self._gateway.request(method, path, json=body, headers=headers)

    def _invoices(self, first: int, end: int) -> list[dict[str, Any]]:
        common = {"supplier": "Paper Ltd", "vat_id": "DE123456789", "email": "paper@example.com"}
        return [
            {"number": f"{self.shop.name}-{n}", "currency": "EUR", "total": 45_000} | common
            for n in range(first, end)
        ]

    async def changes(self) -> None:
        """In the middle an API server and the cloud of the consumers are lost, and a function helps.

        Until the other cloud has taken over, nobody but the function works on orders.
        """
        consumers = await consumers_in(self._database, "aws")
        await reached(lambda: ended(self._database, self.shop.name), CHANGED_AFTER)
        self._changed.set()
        lose(self._installation, "aws", consumers)
        self._installation.kill("api-server")
        done = await asyncio.to_thread(self._invoke)
        assert sum(done["worked"].values()) > 0, done
        sys.stdout.write(f"\nthe function did {done}\n")

    def _invoke(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "tests.deployments.topology.function"]
        done = subprocess.run(
            [*command, str(FUNCTION_SECONDS)],
            cwd=ROOT,
            env=self._installation.environment | {"AGENT_FLOWS_FUNCTION": "orders"},
            capture_output=True,
            text=True,
            timeout=10 * FUNCTION_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2_000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    async def end(self) -> None:
        """Wait until everything is at rest."""
        await reached(lambda: ended(self._database, self.shop.name), ORDERS + FILED + 1 + INVOICES)
        await reached(self._all_at_rest, 1)

    async def _all_at_rest(self) -> int:
        async with self._database.read() as connection:
            states = list(await connection.scalars(select(items.c.state).distinct()))
        return int(set(states) <= set(ENDED))

    async def outcomes(self) -> dict[str, Counter[str]]:
        """How the items of each scenario have ended."""
        async with self._database.read() as connection:
            rows = (await connection.execute(select(items.c.scenario, items.c.outcome))).all()
        found: dict[str, Counter[str]] = {}
        for scenario, outcome in rows:
            found.setdefault(scenario, Counter())[str(outcome)] += 1
        return found


def require_answers(monitor: str) -> None:
    """Prometheus answers every query of the dashboards, and most of them have data."""
    empty = []
    for name, query in queries().items():
        plain = re.sub(r"\$__\w+", "1m", query)
        answer = httpx.get(
            f"{monitor}/query", params={"query": plain}, trust_env=False, timeout=30
        ).json()
        assert answer["status"] == "success", (name, answer)
        empty += [] if answer["data"]["result"] else [name]
    assert len(empty) < len(queries()) / 2, empty
