"""What a run of returns does in the child: ships the orders, carries the requests out, takes goods back."""

import asyncio
import json
import time
from pathlib import Path

from agents.orders.answers import ANSWERS
from agents.orders.returns import ArrivedGoods
from agents.orders.scenario import CHANGES, RETURNS
from agents.runtime.context import open_runtime
from agents.runtime.intake.enqueue import enqueue
from agents.runtime.messaging import answering, ask
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.shop.contracts import CHANGE, ChangeCommand
from agents.shop.requests import REQUESTS
from flows.operations.recovery import recover
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS
from tests.faults.protocol import Run
from tests.invariants import AT_REST, dump_journal

LOOK_SECONDS = 0.1


async def take_returns(run: Run) -> None:
    """Ask for each return of the file, and let its goods arrive; what is done already stays as it is."""
    rows = json.loads(await asyncio.to_thread(Path(run.returns).read_text, "utf-8"))
    async with open_runtime(settings()), connect_services(settings(), faults=run.faults):
        with answering(ANSWERS):
            for row in rows:
                values = {"method": "pm_card_visa"} | {k: v for k, v in row.items() if k != "by"}
                request = REQUESTS.validate_python(values)
                await ask(CHANGE, ChangeCommand(by=row["by"], turn="t#1", request=request))
            await _finish_all(CHANGES, run.lease)
        for row in rows:
            arrived = ArrivedGoods(order=row["order"], pieces=tuple(row["pieces"]))
            await enqueue(RETURNS, arrived.key, arrived)
        await _finish_all(RETURNS, run.lease)
    await recover.fn()


async def _finish_all(scenario: Scenario, lease: float) -> None:
    """Finish the items of the scenario; those of a killed process are free after its lease."""
    until = time.monotonic() + 3 * lease
    while time.monotonic() < until:
        await finish(WORKFLOWS[scenario.name])
        rows = (await dump_journal(settings().journal)).items.values()
        if all(row["state"] in AT_REST for row in rows if row["scenario"] == scenario.name):
            return
        await asyncio.sleep(LOOK_SECONDS)
