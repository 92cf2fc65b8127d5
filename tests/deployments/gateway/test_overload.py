"""Ten times more than a queue holds: it stays bounded, callers are told when to come back, and then they get in."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, update

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import items
from tests.deployments.gateway.gateway_process import RunningGateway, running_gateway
from tests.deployments.gateway.orders import order

pytestmark = pytest.mark.campaign
LIMIT, TIMES, AT_ONCE = 100, 10, 32


def memory_mb(gateway: RunningGateway) -> float:
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    return next(int(one.split()[1]) for one in lines if one.startswith("VmRSS")) / 1024


async def flood(gateway: RunningGateway, keys: list[str]) -> dict[str, httpx.Response]:
    """Send the orders of these keys, many at once."""
    found: dict[str, httpx.Response] = {}
    left = iter(keys)

    async def call(client: httpx.AsyncClient) -> None:
        for key in left:
            headers = {"Idempotency-Key": key}
            body = order() | {"order_id": key}
            found[key] = await client.post("/v/orders", json=body, headers=headers)

    headers = {"Authorization": f"Bearer {gateway.key}"}
    async with httpx.AsyncClient(
        base_url=gateway.url, headers=headers, timeout=30, trust_env=False
    ) as client:
        await asyncio.gather(*(call(client) for _ in range(AT_ONCE)))
    return found


async def serve_all(database: Database) -> None:
    """End all items that wait, as consumers would."""
    async with database.write() as connection:
        await connection.execute(update(items).values(state="completed", ended_at=now()))


async def test_an_overloaded_queue_is_bounded_and_recovers(tmp_path: Path) -> None:
    more = {"AGENT_FLOWS_QUEUE_LIMITS": f'[{{"scenario": "orders", "items": {LIMIT}}}]'}
    with running_gateway(tmp_path, "--no-consumers", more=more) as gateway:
        database = Database(f"sqlite+aiosqlite:///{tmp_path / 'data' / 'journal.db'}")
        await flood(gateway, ["first"])
        held = memory_mb(gateway)
        answers = await flood(gateway, [f"o{n}" for n in range(LIMIT * TIMES)])
        refused = {key: one for key, one in answers.items() if one.status_code != 202}
        assert {one.status_code for one in refused.values()} == {429}
        assert all(1 <= int(one.headers["retry-after"]) <= 60 for one in refused.values())
        async with database.read() as connection:
            waiting = await connection.scalar(select(func.count()).select_from(items))
        assert LIMIT <= waiting <= LIMIT + AT_ONCE  # type: ignore[operator]  # never NULL
        assert len(refused) == LIMIT * TIMES + 1 - waiting  # type: ignore[operator]
        assert memory_mb(gateway) - held < 50

        await serve_all(database)
        await asyncio.sleep(1.1)  # how long a count of the queue holds
        again = list(refused)[: LIMIT // 2]
        begun = time.monotonic()
        answers = await flood(gateway, again)
        assert {one.status_code for one in answers.values()} == {202}
        assert (time.monotonic() - begun) / len(again) < 0.1, "back to where it was"
        await database.close()
