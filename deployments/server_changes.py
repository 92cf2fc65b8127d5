"""How a Prefect server differs from resources.py: each difference is a change that is shown, then made."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import (
    GlobalConcurrencyLimitCreate,
    GlobalConcurrencyLimitUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.events.actions import DoNothing
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from deployments.placement.templates import base_job_template, defaults_of, with_defaults
from deployments.resources import Automation, Limit, Pool, Queue, Retired

Make = Callable[[], Awaitable[UUID | object]]
DONE = {"create": "created", "update": "updated", "remove": "removed", "keep": "kept"}


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to one object of the server; `make` does it and returns the id of a new object.

    `details` say what differs, or why an object is removed or kept.
    """

    verb: Literal["create", "update", "remove", "keep"]
    what: str
    details: str
    make: Make

    def __str__(self) -> str:
        return f"{self.verb} {self.what}{self.details}"

    @property
    def done(self) -> str:
        """The same when it has been made."""
        return f"{DONE[self.verb]} {self.what}{self.details}"


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


@dataclass(frozen=True, slots=True)
class Declared:
    """What a server shall have, and the deployments of earlier releases that it shall no longer have."""

    pools: Sequence[Pool] = ()
    limits: Sequence[Limit] = ()
    automations: Sequence[Automation] = ()
    retired: Sequence[Retired] = ()

    async def changes(self, client: PrefectClient) -> list[Change]:
        """Every difference of the server, in the order in which they can be made. Raises WrongPoolType."""
        found = list[Change | None]()
        for pool in self.pools:
            found.append(await _pool_change(client, pool))
            found.extend([await _queue_change(client, pool, queue) for queue in pool.queues])
        found.extend([await _limit_change(client, limit) for limit in self.limits])
        found.extend([await _automation_change(client, one) for one in self.automations])
        found.extend([await _retirement(client, one) for one in self.retired])
        return [change for change in found if change is not None]

    @property
    def names(self) -> set[str]:
        """What is declared, as changes name it."""
        return {
            *(pool.what for pool in self.pools),
            *(queue.what(pool) for pool in self.pools for queue in pool.queues),
            *(limit.what for limit in self.limits),
            *(automation.what for automation in self.automations),
        }


def _update(
    what: str, found: Mapping[str, object], wanted: Mapping[str, object], make: Make
) -> Change | None:
    """An update that names the values which differ, such as "limit 4 -> 5"; None if none does."""
    lines = [
        f"{name} {found[name]!r} -> {value!r}"
        for name, value in wanted.items()
        if found[name] != value
    ]
    return Change("update", what, f": {', '.join(lines)}", make) if lines else None


async def _pool_change(client: PrefectClient, pool: Pool) -> Change | None:
    what = pool.what
    try:
        found = await client.read_work_pool(pool.name)
    except ObjectNotFound:
        return Change("create", what, "", partial(_create_pool, client, pool))
    if found.type != pool.type:
        raise WrongPoolType(pool.name, found.type, pool.type)
    defaults = dict(pool.variables)
    update = WorkPoolUpdate(description=pool.description, concurrency_limit=pool.limit)
    if defaults:
        # What a person has changed in the template stays.
        template = found.base_job_template or base_job_template(pool.type)
        update.base_job_template = with_defaults(template, defaults)
    return _update(
        what,
        {"description": found.description, "limit": found.concurrency_limit}
        | defaults_of(found.base_job_template, defaults),
        {"description": pool.description, "limit": pool.limit} | defaults,
        partial(client.update_work_pool, pool.name, update),
    )


async def _create_pool(client: PrefectClient, pool: Pool) -> UUID:
    # Without a template the pool takes no job variables until its first worker has come up.
    template = with_defaults(base_job_template(pool.type), dict(pool.variables))
    made = await client.create_work_pool(
        WorkPoolCreate(
            name=pool.name,
            type=pool.type,
            description=pool.description,
            concurrency_limit=pool.limit,
            base_job_template=template,
        )
    )
    return made.id


async def _queue_change(client: PrefectClient, pool: Pool, queue: Queue) -> Change | None:
    what = queue.what(pool)
    try:
        found = await client.read_work_queue_by_name(queue.name, pool.name)
    except ObjectNotFound:
        return Change("create", what, "", partial(_create_queue, client, pool, queue))
    return _update(
        what,
        {"priority": found.priority, "limit": found.concurrency_limit},
        {"priority": queue.priority, "limit": queue.limit},
        partial(
            client.update_work_queue,
            found.id,
            priority=queue.priority,
            concurrency_limit=queue.limit,
        ),
    )


async def _create_queue(client: PrefectClient, pool: Pool, queue: Queue) -> UUID:
    made = await client.create_work_queue(
        queue.name,
        concurrency_limit=queue.limit,
        priority=queue.priority,
        work_pool_name=pool.name,
    )
    return made.id


async def _limit_change(client: PrefectClient, limit: Limit) -> Change | None:
    what = limit.what
    try:
        found = await client.read_global_concurrency_limit_by_name(limit.name)
    except ObjectNotFound:
        create = GlobalConcurrencyLimitCreate(name=limit.name, limit=limit.slots)
        return Change("create", what, "", partial(client.create_global_concurrency_limit, create))
    update = GlobalConcurrencyLimitUpdate(limit=limit.slots, active=True)
    return _update(
        what,
        {"slots": found.limit, "active": found.active},
        {"slots": limit.slots, "active": True},
        partial(client.update_global_concurrency_limit, limit.name, update),
    )


async def _automation_change(client: PrefectClient, automation: Automation) -> Change | None:
    what, actions = automation.what, list(automation.actions)
    wanted = AutomationCore(
        name=automation.name,
        description=automation.description,
        trigger=automation.trigger,
        actions=actions or [DoNothing()],
    )
    named = await client.read_automations_by_name(automation.name)
    if not named:
        return Change("create", what, "", partial(client.create_automation, wanted))
    found = named[0]
    # Users of the server decide whether it is on and what else it does.
    kept: dict[str, object] = {"enabled": found.enabled, "tags": found.tags}
    if not actions:
        kept["actions"] = found.actions
    wanted = wanted.model_copy(update=kept)
    before = found.model_dump(include=set(AutomationCore.model_fields))
    fields = [name for name, value in wanted.model_dump().items() if value != before[name]]
    if not fields:
        return None
    # Validated again: an update leaves out unset fields, such as the types of the actions.
    whole = AutomationCore.model_validate(wanted.model_dump(exclude={"owner_resource"}))
    make = partial(client.update_automation, found.id, whole)
    return Change("update", what, f": {', '.join(fields)}", make)


async def _retirement(client: PrefectClient, retired: Retired) -> Change | None:
    """Remove the deployment, or its schedule if another flow has been deployed under its name."""
    try:
        found = await client.read_deployment_by_name(retired.name)
    except ObjectNotFound:
        return None
    schedules = [one for one in found.schedules if one.slug == retired.schedule]
    was_on = any(one.active for one in schedules)
    advice = f"; its schedule was on, so switch on that of {retired.successor}" if was_on else ""
    details = f" of an earlier release: use {retired.successor}{advice}"
    if found.entrypoint == retired.entrypoint:
        make: Make = partial(client.delete_deployment, found.id)
        return Change("remove", f"deployment {retired.name}", details, make)
    if not schedules or found.entrypoint != retired.reused_by:
        return None
    make = partial(_delete_schedules, client, found.id, [one.id for one in schedules])
    return Change("remove", f"schedule {retired.schedule} of {retired.name}", details, make)


async def _delete_schedules(
    client: PrefectClient, deployment: UUID, schedules: Sequence[UUID]
) -> None:
    for schedule in schedules:
        await client.delete_deployment_schedule(deployment, schedule)
