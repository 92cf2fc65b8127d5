"""The flow `placement`: puts the consumers of all queues where data, health and cost allow.

An automation of Prefect starts it when a cloud's pool goes away or has come back; a schedule does the
same in case an event was lost. Its own pool, `default`, should be beside the Prefect server.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefect import flow
from prefect.client.orchestration import PrefectClient, get_client

from agents.runtime.alerts import Alert, send
from agents.runtime.journal.database import Database
from agents.runtime.settings import settings
from deployments.placement.health import health_of
from deployments.placement.plan import Plan, Run, Stage, plan
from deployments.placement.policy import Cloud, Verdict, chosen, place
from deployments.placement.runs import act, consumers_of
from deployments.resources import PLACED, Placed, clouds_in_use
from flows.cli.reports import Listing, shown

MOVE_SECONDS = 180.0  # for the new consumers to work, before the old ones are ended
LOOK_SECONDS = 2.0
RETRIES, RETRY_SECONDS = 5, 5.0  # for the server or the journal to answer; each run looks afresh


@flow(name="placement", persist_result=False, retries=RETRIES, retry_delay_seconds=RETRY_SECONDS)
async def place_consumers(*, back: bool = True, only_show: bool = False) -> Listing:
    """Start consumers in the cheapest ready cloud where their data may be; end them elsewhere.

    Example: `uv run python -m deployments.placement --only-show`

    Args:
        back: Whether work also leaves a ready cloud for a cheaper one; if not, only one that is away.
        only_show: Whether nothing is started or ended.

    """
    clouds = clouds_in_use(settings().clouds)
    if not clouds:
        return Listing(title="no clouds: AGENT_FLOWS_CLOUDS names none")
    database = Database(settings().journal)
    try:
        async with get_client() as client:
            placings = [
                Placing(client, database, name, clouds, placed) for name, placed in PLACED.items()
            ]
            # At once: a move takes minutes, and lost consumers of other queues do not wait for it.
            await asyncio.gather(
                *(placing.settle(back=back, only_show=only_show) for placing in placings)
            )
    finally:
        await database.close()
    return await shown("placement", await _listing(placings))


@dataclass(slots=True)
class Placing:
    """The consumers of some queues; `verdicts` and `done` are what was found and done."""

    client: PrefectClient
    database: Database
    name: str
    clouds: Sequence[Cloud]
    placed: Placed
    verdicts: Sequence[Verdict] = ()
    done: list[str] = field(default_factory=list)

    async def settle(self, *, back: bool, only_show: bool) -> None:
        """Act until the consumers are where they should be, or for MOVE_SECONDS."""
        until = time.monotonic() + MOVE_SECONDS
        while True:
            wanted, runs = await self._look(back=back)
            if only_show:
                self.done += [f"would {line}" for line in _intended(wanted)]
                return
            self.done += await act(self.client, wanted, runs, self.placed.served)
            if not (back and _is_moving(wanted, runs)) or time.monotonic() > until:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, *, back: bool) -> tuple[Plan, list[Run]]:
        names = [cloud.name for cloud in self.clouds]
        runs = await consumers_of(self.client, self.database, self.placed.served, names)
        health = await health_of(self.client, self.clouds, runs)
        self.verdicts = place(self.placed.data, self.clouds, health)
        ready = [name for name, one in health.items() if one.is_ready]
        cloud = chosen(self.verdicts)
        return plan(cloud, ready, runs, self.placed.consumers, back=back), runs


def _is_moving(wanted: Plan, runs: Sequence[Run]) -> bool:
    """Whether consumers work elsewhere that are to be ended as soon as the new ones work."""
    elsewhere = {run.id for run in runs if run.cloud != wanted.cloud and run.stage is Stage.WORKING}
    return wanted.cloud is not None and bool(elsewhere - set(wanted.end))


def _intended(wanted: Plan) -> list[str]:
    lines = [f"start {wanted.start} in {wanted.cloud}"] if wanted.start else []
    lines += [f"end {len(wanted.end)} elsewhere"] if wanted.end else []
    return lines + ([f"withdraw {len(wanted.withdraw)}"] if wanted.withdraw else [])


async def _listing(placings: Sequence[Placing]) -> Listing:
    table = [
        {
            "queues": one.name,
            "cloud": verdict.cloud,
            "US$ an hour": f"{verdict.cost:.3f}",
            "verdict": verdict.refused or "may take it",
        }
        for one in placings
        for verdict in one.verdicts
    ]
    places = {one.name: chosen(one.verdicts) for one in placings}
    title = ", ".join(f"{name}: {cloud or 'nowhere'}" for name, cloud in places.items())
    lines = [f"{one.name}: {line}" for one in placings for line in one.done]
    homeless = [one for one in placings if places[one.name] is None]
    await send([Alert("no-cloud", one.name, "", _reasons(one)) for one in homeless])
    wrong = "; ".join(f"no cloud takes {one.name}: {_reasons(one)}" for one in homeless)
    return Listing(title=title, table=table, lines=lines, code=3 if homeless else 0, wrong=wrong)


def _reasons(placing: Placing) -> str:
    return ", ".join(f"{one.cloud} {one.refused}" for one in placing.verdicts)
