"""Creates and updates what resources.py declares: `python -m deployments.apply`.

Pools, queues, limits and automations are on a Prefect server; capacities of resources and bounds of scaling
are in the journal.
"""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from functools import partial

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.events.actions import DoNothing
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from agents.runtime.command_line import run_command
from agents.runtime.journal.capacity_admin import declare
from agents.runtime.journal.database import Database
from agents.runtime.journal.scale import declare_bounds
from agents.runtime.scheduling.scaling import ScaleBounds
from agents.runtime.settings import settings
from deployments.placement.templates import base_job_template, with_defaults
from deployments.resources import (
    AUTOMATIONS,
    CAPACITIES,
    LIMITS,
    POOLS,
    RETIRED,
    SCALES,
    Automation,
    Capacity,
    Limit,
    Pool,
    Queue,
    Retired,
    cloud_pools,
)
from flows.cli.error_messages import explained


class WrongPoolType(Exception):
    """The server has a work pool of this name with another type, which cannot be changed."""

    def __init__(self, pool: str, found: str, wanted: str) -> None:
        super().__init__(pool, found, wanted)
        self.pool, self.found, self.wanted = pool, found, wanted

    def __str__(self) -> str:
        return (
            f"work pool {self.pool!r} is of type {self.found!r}, not {self.wanted!r}: "
            "delete it or declare another name in deployments/resources.py"
        )


async def apply(
    pools: Sequence[Pool] = POOLS,
    limits: Sequence[Limit] = LIMITS,
    automations: Sequence[Automation] = AUTOMATIONS,
    retired: Sequence[Retired] = RETIRED,
) -> list[str]:
    """Create and update what is declared, remove retired deployments; nothing else is touched.

    Returns a line for each change. Raises WrongPoolType.
    """
    changes = []
    async with get_client() as client:
        for pool in pools:
            changes.append(await _apply_pool(client, pool))
            changes.extend([await _apply_queue(client, pool, queue) for queue in pool.queues])
        changes.extend([await _apply_limit(client, limit) for limit in limits])
        changes.extend([await _apply_automation(client, one) for one in automations])
        changes.extend([await _remove_retired(client, one) for one in retired])
    return [change for change in changes if change]


async def apply_capacities(
    database: Database, capacities: Sequence[Capacity] = CAPACITIES
) -> list[str]:
    """Declare the capacities of resources in the journal; returns a line for each change.

    What an operator has set on this installation is kept, and named by `deployments.check`.
    """
    changes = await declare(database, [capacity.setting for capacity in capacities])
    return [f"set capacity {change}" for change in changes]


async def apply_scales(
    database: Database, declared: Mapping[str, ScaleBounds] = SCALES
) -> list[str]:
    """Declare how many consumers queues may have; returns a line for each change.

    What an operator has set on this installation is kept.
    """
    return [f"set scale of queue {queue}" for queue in await declare_bounds(database, declared)]


async def _apply_pool(client: PrefectClient, pool: Pool) -> str:
    try:
        found = await client.read_work_pool(pool.name)
    except ObjectNotFound:
        # Without a template the pool takes no job variables until its first worker has come up.
        template = with_defaults(base_job_template(pool.type), dict(pool.variables))
        await client.create_work_pool(
            WorkPoolCreate(
                name=pool.name,
                type=pool.type,
                description=pool.description,
                concurrency_limit=pool.limit,
                base_job_template=template,
            )
        )
        return f"created work pool {pool.name}"
    if found.type != pool.type:
        raise WrongPoolType(pool.name, found.type, pool.type)
    if (found.description, found.concurrency_limit) == (pool.description, pool.limit):
        return ""
    update = WorkPoolUpdate(description=pool.description, concurrency_limit=pool.limit)
    await client.update_work_pool(pool.name, update)
    return f"updated work pool {pool.name}"


async def _apply_queue(client: PrefectClient, pool: Pool, queue: Queue) -> str:
    name = f"work queue {pool.name}/{queue.name}"
    try:
        found = await client.read_work_queue_by_name(queue.name, pool.name)
    except ObjectNotFound:
        await client.create_work_queue(
            queue.name,
            concurrency_limit=queue.limit,
            priority=queue.priority,
            work_pool_name=pool.name,
        )
        return f"created {name}"
    if (found.priority, found.concurrency_limit) == (queue.priority, queue.limit):
        return ""
    await client.update_work_queue(found.id, priority=queue.priority, concurrency_limit=queue.limit)
    return f"updated {name}"


async def _apply_limit(client: PrefectClient, limit: Limit) -> str:
    name = f"concurrency limit {limit.name}"
    try:
        found = await client.read_global_concurrency_limit_by_name(limit.name)
    except ObjectNotFound:
        await client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=limit.name, limit=limit.slots)
        )
        return f"created {name}"
    if (found.limit, found.active) == (limit.slots, True):
        return ""
    await client.update_global_concurrency_limit(
        limit.name, GlobalConcurrencyLimitUpdate(limit=limit.slots, active=True)
    )
    return f"updated {name}"


async def _apply_automation(client: PrefectClient, automation: Automation) -> str:
    name, actions = f"automation {automation.name}", list(automation.actions)
    wanted = AutomationCore(
        name=automation.name,
        description=automation.description,
        trigger=automation.trigger,
        actions=actions or [DoNothing()],
    )
    named = await client.read_automations_by_name(automation.name)
    if not named:
        await client.create_automation(wanted)
        return f"created {name}"
    found = named[0]
    # Users of the server decide whether it is on and what else it does.
    kept: dict[str, object] = {"enabled": found.enabled, "tags": found.tags}
    if not actions:
        kept["actions"] = found.actions
    wanted = wanted.model_copy(update=kept)
    if wanted.model_dump() == found.model_dump(include=set(AutomationCore.model_fields)):
        return ""
    # Validated again: an update leaves out unset fields, such as the types of the actions.
    whole = AutomationCore.model_validate(wanted.model_dump(exclude={"owner_resource"}))
    await client.update_automation(found.id, whole)
    return f"updated {name}"


async def _remove_retired(client: PrefectClient, retired: Retired) -> str:
    """Remove the deployment, or its schedule if another flow has been deployed under its name."""
    try:
        found = await client.read_deployment_by_name(retired.name)
    except ObjectNotFound:
        return ""
    schedules = [one for one in found.schedules if one.slug == retired.schedule]
    if found.entrypoint == retired.entrypoint:
        await client.delete_deployment(found.id)
        removed = f"removed deployment {retired.name}"
    elif schedules and found.entrypoint == retired.reused_by:
        for schedule in schedules:
            await client.delete_deployment_schedule(found.id, schedule.id)
        removed = f"removed schedule {retired.schedule} of {retired.name}"
    else:
        return ""
    was_on = any(one.active for one in schedules)
    advice = f"; its schedule was on, so switch on that of {retired.successor}" if was_on else ""
    return f"{removed} of an earlier release: use {retired.successor}{advice}"


async def _apply_all() -> list[str]:
    database = Database(settings().journal)
    try:
        await database.migrate()
        pools = [*POOLS, *cloud_pools(settings().clouds)]
        changes = [*await apply(pools), *await apply_capacities(database)]
        return [*changes, *await apply_scales(database)]
    finally:
        await database.close()


def main() -> int:
    """Apply the declarations and print each change."""
    try:
        changes = asyncio.run(_apply_all())
    except (WrongPoolType, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(changes) or "nothing to change")
    return 0


if __name__ == "__main__":
    run_command(main, partial(explained, {}))
