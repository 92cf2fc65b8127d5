"""Slots whose leases are lost are free again; those that are held or of others are left alone."""

from datetime import timedelta
from uuid import uuid4

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.asyncio import concurrency
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.runtime.recovery import lost_slots
from agents.runtime.recovery.lost_slots import give_back_lost_slots
from tests.prefect_server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("harness")]


async def made(client: PrefectClient) -> str:
    name = f"limit-{uuid4().hex}"
    await client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=5))
    return name


async def active(client: PrefectClient, name: str) -> int:
    return (await client.read_global_concurrency_limit_by_name(name)).active_slots


async def occupy(client: PrefectClient, name: str, slots: int) -> None:
    """Take slots without a lease, as they are once their lease is lost."""
    await client.increment_concurrency_slots([name], slots, mode="concurrency")


async def test_slots_that_rest_for_long_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with get_client() as client:
        mine, others = await made(client), await made(client)
        for name in (mine, others):
            await occupy(client, name, 5)
        assert await give_back_lost_slots({mine}) == 0, "they were taken a moment ago"
        monkeypatch.setattr(lost_slots, "LOST_AFTER", timedelta(minutes=-1))
        assert await give_back_lost_slots({"is-not-there", mine}) == 5
        assert [await active(client, name) for name in (mine, others)] == [0, 5]
        async with concurrency(mine, occupy=5, strict=True, timeout_seconds=30):
            assert await active(client, mine) == 5
        assert await give_back_lost_slots({mine}) == 0


async def test_what_is_taken_meanwhile_stays_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_slots, "LOST_AFTER", timedelta(minutes=-1))
    give_back = lost_slots._give_back

    async def meanwhile(client: PrefectClient, name: str, count: int) -> int:
        await occupy(client, name, 2)
        return await give_back(client, name, count)

    monkeypatch.setattr(lost_slots, "_give_back", meanwhile)
    async with get_client() as client:
        name = await made(client)
        await occupy(client, name, 3)
        await give_back_lost_slots({name})
        assert await active(client, name) == 2


async def test_a_server_that_is_away_ends_no_recovery() -> None:
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        assert await give_back_lost_slots({"payments"}) == 0
