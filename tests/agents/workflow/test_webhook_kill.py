"""A process is killed while it ends orders and delivers their events: no event is lost."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal import webhook_endpoints as endpoints
from agents.runtime.journal.gateway_schema import webhook_deliveries
from agents.runtime.journal.schema import items
from agents.runtime.journal.webhook_deliveries import LEASE
from agents.runtime.journal.webhook_endpoints import NewEndpoint
from agents.runtime.settings import ROOT
from agents.services.fetching.posting import Poster
from agents.workflow.webhook_delivery import Sender
from tests.agents.runtime.jobs import until
from tests.agents.workflow.webhook_receiver import receiving
from tests.agents.workflow.webhook_sending import settings_of

pytestmark = pytest.mark.slow


async def test_a_kill_between_announcement_and_answer_loses_no_event(tmp_path: Path) -> None:
    settings = settings_of(str(tmp_path))
    async with receiving() as receiver:
        async with open_runtime(settings) as opened:
            new = NewEndpoint(receiver.url("/ok"), ("orders.ended",))
            await endpoints.create(opened.journal, new, "ann")
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.agents.workflow.webhook_sending"),
            *(str(tmp_path), receiver.host),
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
        await until(lambda: len(receiver.received) >= 20)
        child.kill()
        await child.wait()
        async with open_runtime(settings) as opened:
            ended = await _ended(opened)
            arrived = {one.event["data"]["key"] for one in receiver.received}
            assert arrived < ended, "some had not arrived when the process was killed"
            await _end_leases(opened)
            await Sender(opened.journal.database, Poster(frozenset({receiver.host}))).deliver_due()
        assert {one.event["data"]["key"] for one in receiver.received} == ended
        ids = {one.event["data"]["key"]: one.id for one in receiver.received}
        assert {one.id for one in receiver.received} == set(ids.values()), "one id for each event"


async def _ended(opened: Runtime) -> set[str]:
    async with opened.journal.database.read() as connection:
        return set(
            await connection.scalars(select(items.c.key).where(items.c.state == "completed"))
        )


async def _end_leases(opened: Runtime) -> None:
    due = webhook_deliveries.c.due_at
    async with opened.journal.database.write() as connection:
        await connection.execute(update(webhook_deliveries).values(due_at=due - LEASE))
