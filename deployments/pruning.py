"""Removes from a Prefect server what an earlier `apply` made and what is no longer declared.

What `apply` creates is recorded on the server itself, in a variable, by name and id. So an object that was
there before, that somebody made again under the same name, or that was renamed, is never removed.
"""

from collections.abc import Set as AbstractSet
from functools import partial
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkQueueFilter,
    WorkQueueFilterId,
)
from prefect.client.schemas.objects import TERMINAL_STATES, StateType
from prefect.exceptions import ObjectNotFound

from deployments.server_changes import Change, Make

VARIABLE = "agent_flows_applied"
KINDS = ("work pool", "work queue", "concurrency limit", "automation")
UNFINISHED = FlowRunFilter(
    state=FlowRunFilterState(
        type=FlowRunFilterStateType(any_=[one for one in StateType if one not in TERMINAL_STATES])
    )
)
UNDECLARED = ": made by an earlier apply, no longer declared"
Record = dict[str, str]  # ids of what `apply` has made, by name


async def read_record(client: PrefectClient) -> Record:
    """What earlier runs of `apply` have made on this server."""
    found = await client.read_variable_by_name(VARIABLE)
    return dict(found.value) if found is not None and isinstance(found.value, dict) else {}


async def write_record(client: PrefectClient, record: Record) -> None:
    """Replace the record."""
    if await client.read_variable_by_name(VARIABLE) is None:
        await client.create_variable(VariableCreate(name=VARIABLE, value=record))
    else:
        await client.update_variable(VariableUpdate(name=VARIABLE, value=record))


async def removals(
    client: PrefectClient, record: Record, declared: AbstractSet[str]
) -> list[Change]:
    """What was made and is no longer declared; pools and queues that are in use are kept, and named."""
    found = [await _removal(client, what, UUID(record[what])) for what in record.keys() - declared]
    # A queue goes before its pool, since with a pool all its queues go.
    return sorted(
        (change for change in found if change is not None),
        key=lambda change: (change.what.startswith("work pool"), change.what),
    )


async def _removal(client: PrefectClient, what: str, made: UUID) -> Change | None:
    """What removes the object; None if the server has it no more, or another one under its name."""
    kind = next(kind for kind in KINDS if what.startswith(f"{kind} "))
    name = what.removeprefix(f"{kind} ")
    try:
        if kind == "work pool":
            pool = await client.read_work_pool(name)
            queues = [one.id for one in await client.read_work_queues(name)]
            remove: Make = partial(client.delete_work_pool, name)
            return await _unless_in_use(client, what, queues, remove) if pool.id == made else None
        if kind == "work queue":
            remove = partial(client.delete_work_queue_by_id, made)
            await client.read_work_queue(made)
            return await _unless_in_use(client, what, [made], remove)
        if kind == "concurrency limit":
            limit = await client.read_global_concurrency_limit_by_name(name)
            remove = partial(client.delete_global_concurrency_limit_by_name, name)
            return Change("remove", what, UNDECLARED, remove) if limit.id == made else None
        automation = await client.find_automation(made)
        remove = partial(client.delete_automation, made)
        same = automation is not None and automation.name == name
        return Change("remove", what, UNDECLARED, remove) if same else None
    except ObjectNotFound:
        return None


async def _unless_in_use(
    client: PrefectClient, what: str, queues: list[UUID], remove: Make
) -> Change:
    """Keep what deployments name or runs wait for: they would run nowhere."""
    of_queues = WorkQueueFilter(id=WorkQueueFilterId(any_=queues))
    named = await client.read_deployments(work_queue_filter=of_queues)
    runs = await client.read_flow_runs(flow_run_filter=UNFINISHED, work_queue_filter=of_queues)
    if not named and not runs:
        return Change("remove", what, UNDECLARED, remove)
    use = f"{len(named)} deployments name it and {len(runs)} runs are unfinished"
    return Change("keep", what, f"{UNDECLARED}, but {use}", _nothing)


async def _nothing() -> None:
    """What is kept needs nothing."""
