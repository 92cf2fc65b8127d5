"""Compares prefect.yaml with flows, operations and resources.py, and the schemas with the last release's.

It works offline: `python -m deployments.check`.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.schema_tools.validation import validate
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from agents.runtime.command_line import run_command
from agents.runtime.execution.agent import AGENTS, Takes
from agents.runtime.journal.capacity_admin import differences
from agents.runtime.journal.database import Database
from agents.runtime.model.policies import Policy
from agents.runtime.prefect_ui import TAG
from agents.runtime.settings import settings
from deployments import in_memory, prefect_yaml, schemas
from deployments.environment import environment_problems, has_journal
from deployments.placement.policy import Cloud
from deployments.resources import (
    CAPACITIES,
    CLOUDS,
    HEARTBEAT,
    LIMITS,
    POOLS,
    Capacity,
    Limit,
    Pool,
)
from flows.operations.__main__ import GROUPS
from flows.workflows import WORKFLOWS, Workflow

PREFECT_YAML = Path(__file__).resolve().parents[1] / "prefect.yaml"
SCHEDULES: dict[str, type[BaseModel]] = {
    "cron": CronSchedule,
    "interval": IntervalSchedule,
    "rrule": RRuleSchedule,
}
SCHEDULE_OPTIONS = {"timezone", "day_or", "anchor_date"}


def problems(text: str, pools: Sequence[Pool] = POOLS) -> list[str]:
    """Every problem of a prefect.yaml, one line each."""
    configuration, form = prefect_yaml.read(text)
    if form:
        return form
    deployments = configuration.get("deployments") or []
    places = [*configuration.get("definitions", {}).get("places", {}).values()]
    places += [deployment["work_pool"] for deployment in deployments if "work_pool" in deployment]
    found = [*_place_problems(places, pools), *_twice("deployment", deployments, "name")]
    for deployment in deployments:
        found += [
            f"{deployment.get('name')}: {problem}" for problem in _deployment_problems(deployment)
        ]
    return found


def workflow_problems(text: str, workflows: Mapping[str, Workflow] = WORKFLOWS) -> list[str]:
    """Workflows without a deployment, for a prefect.yaml without other problems.

    A deployment covers the workflows whose steps stand in the module of its flow, or in a module
    that this one imports from.
    """
    deployments = yaml.safe_load(text).get("deployments") or []
    names = {deployment["entrypoint"].rpartition(".")[0] for deployment in deployments}
    values = [value for name in names for value in vars(import_module(name)).values()]
    covered = names | {getattr(value, "__module__", "") for value in values}
    return [
        f"workflow {name!r}: no deployment in prefect.yaml runs {workflow.process.__module__}"
        for name, workflow in workflows.items()
        if workflow.process.__module__ not in covered
    ]


def operation_problems(text: str) -> list[str]:
    """Operations without a deployment; triggers without name or description, or with unknown parameters."""
    deployments = yaml.safe_load(text).get("deployments") or []
    deployed = {deployment["name"] for deployment in deployments}
    flows = [flow for group in GROUPS.values() for flow in group]
    found = [
        f"operation {flow.name!r}: has no deployment, so it cannot run from Prefect's UI"
        for flow in flows
        if flow.name not in deployed
    ]
    found += [
        f"{deployment['name']}: a trigger has no {field}, so the automation cannot be understood"
        for deployment in deployments
        for trigger in deployment.get("triggers") or []
        for field in ("name", "description")
        if not trigger.get(field)
    ]
    takes = {flow.name: set(flow.parameters.properties) for flow in flows}
    found += [
        f"{deployment['name']}: a trigger gives {unknown!r}, which is no parameter of the flow"
        for deployment in deployments
        for trigger in deployment.get("triggers") or []
        for unknown in sorted(
            set(trigger.get("parameters", ())) - takes.get(deployment["name"], set())
        )
    ]
    return found


def resource_problems(pools: Sequence[Pool] = POOLS, limits: Sequence[Limit] = LIMITS) -> list[str]:
    """Numbers of pools, queues and limits that a server would refuse, or that would let nothing run."""
    numbers = {f"{pool.what}: limit": pool.limit for pool in pools}
    for pool in pools:
        numbers |= {f"{queue.what(pool)}: limit": queue.limit for queue in pool.queues}
        numbers |= {f"{queue.what(pool)}: priority": queue.priority for queue in pool.queues}
    numbers |= {f"{limit.what}: slots": limit.slots for limit in limits}
    return [
        f"{what} is {number}; it must be 1 or more"
        for what, number in numbers.items()
        if number < 1
    ]


def cloud_problems(text: str, clouds: Sequence[Cloud] = CLOUDS) -> list[str]:
    """Triggers about work pools that name other pools than those of the declared clouds."""
    declared = {cloud.name for cloud in clouds}
    return [
        f"{deployment['name']}: trigger {trigger.get('name')!r} is not about the clouds {sorted(declared)}"
        for deployment in yaml.safe_load(text).get("deployments") or []
        for trigger in deployment.get("triggers") or []
        if "prefect.work-pool.*" in str(trigger["match"].get("prefect.resource.id"))
        and set(trigger["match"].get("prefect.resource.name", ())) != declared
    ]


def limit_problems(policies: Mapping[str, Policy], limits: Sequence[Limit] = LIMITS) -> list[str]:
    """Agents whose limit is not declared, or too small for two task runs of the agent.

    The slots of a process that is killed are taken until their lease ends, a minute at least, and the
    others go on with the rest.
    """
    slots = {limit.name: limit.slots for limit in limits}
    return [
        f"agent {name}: limit {policy.limit!r} has {slots.get(policy.limit, 0)} slots declared; "
        f"it must be {2 * policy.concurrency} or more, so that a killed task run leaves some to others"
        for name, policy in policies.items()
        if policy.limit is not None and slots.get(policy.limit, 0) < 2 * policy.concurrency
    ]


def capacity_problems(
    agents: Mapping[str, Takes | None], capacities: Sequence[Capacity] = CAPACITIES
) -> list[str]:
    """Agents that take a resource that is not declared, or more of it than there is.

    What a function returns is known for an item only: it is checked when the item is accepted.
    """
    amounts = {one.name: one.amount for one in capacities if not one.tenant}
    found = []
    for name, takes in agents.items():
        for resource, amount in takes.items() if isinstance(takes, Mapping) else ():
            if resource not in amounts:
                found.append(f"agent {name} takes {resource!r}, which is not declared: unlimited")
            elif amount > amounts[resource]:
                found.append(
                    f"agent {name} takes {amount:,g} of {resource!r}, and {amounts[resource]:,g} are declared"
                )
    return found


async def capacities_here(capacities: Sequence[Capacity] = CAPACITIES) -> list[str]:
    """How the journal of this installation differs from what is declared; nothing without a journal."""
    if not has_journal():
        return []
    database = Database(settings().journal)
    try:
        if not await database.is_current():
            return []
        declared = [capacity.setting for capacity in capacities]
        return [f"note: capacity {one}" for one in await differences(database, declared)]
    except (OSError, SQLAlchemyError):
        return ["note: the journal cannot be reached, so its capacities were not compared"]
    finally:
        await database.close()


def _place_problems(places: Sequence[Mapping[str, str]], pools: Sequence[Pool]) -> Iterator[str]:
    named = {(place.get("name"), place.get("work_queue_name")) for place in places}
    declared = {(pool.name, queue.name) for pool in pools for queue in pool.queues}
    for pool, queue in sorted(named - declared, key=str):
        yield f"pool {pool!r} with queue {queue!r} is not declared in deployments/resources.py"
    for pool, queue in sorted(declared - named):
        yield f"pool {pool!r} with queue {queue!r} is declared but not named in prefect.yaml"


def _deployment_problems(deployment: Mapping[str, Any]) -> Iterator[str]:
    if "work_pool" not in deployment:
        yield "names no work pool"
    yield from _heartbeat_problems(deployment)
    schedules = deployment.get("schedules") or []
    yield from _twice("schedule", schedules, "slug")
    for schedule in schedules:
        yield from _schedule_problems(schedule)
    try:
        # A placeholder would hide a module that does not import.
        flow: Flow[..., Any] = load_flow_from_entrypoint(
            deployment["entrypoint"], use_placeholder_flow=False
        )
    except Exception as error:  # noqa: BLE001 - an import runs any code and may raise anything
        yield f"entrypoint {deployment.get('entrypoint')!r} does not load: {type(error).__name__}: {error}"
        return
    name = str(deployment.get("name"))
    if name != flow.name and not name.startswith(f"{flow.name}-"):
        yield f"the flow is named {flow.name!r}; name the deployment after it"
    yield from _parameter_problems(deployment, flow)


def _heartbeat_problems(deployment: Mapping[str, Any]) -> Iterator[str]:
    """What would hide a killed run, or set a live one to Crashed."""
    if TAG not in (deployment.get("tags") or []):
        yield f"lacks the tag {TAG!r}: a killed run would show as Running for ever"
    variables = (deployment.get("work_pool") or {}).get("job_variables") or {}
    for name, value in HEARTBEAT.items():
        if str((variables.get("env") or {}).get(name)) != value:
            yield f"work_pool.job_variables.env.{name} is not {value}: its live runs would become Crashed"


def _parameter_problems(deployment: Mapping[str, Any], flow: Flow[..., Any]) -> Iterator[str]:
    schema = flow.parameters.model_dump_for_openapi()
    own = deployment.get("parameters") or {}
    # A parameter that the deployment leaves out is asked for at each run; a schedule cannot ask.
    sets = [("parameters", own, True)]
    for schedule in deployment.get("schedules") or []:
        filled = own | (schedule.get("parameters") or {})
        sets.append((f"parameters of schedule {schedule.get('slug')!r}", filled, False))
    for where, parameters, partial in sets:
        for name in sorted(parameters.keys() - schema["properties"].keys()):
            yield f"{where}: the flow has no parameter {name!r}"
        for error in validate(parameters, schema, ignore_required=partial):
            yield f"{where}: {error.json_path.removeprefix('$.')}: {error.message}"


def _schedule_problems(schedule: Mapping[str, Any]) -> Iterator[str]:
    where = f"schedule {schedule.get('slug')!r}"
    if "slug" not in schedule:
        yield f"{where}: without a slug every deploy creates it again"
    kinds = [kind for kind in SCHEDULES if kind in schedule]
    if len(kinds) != 1:
        yield f"{where}: needs one of {', '.join(SCHEDULES)}"
        return
    options = {key: value for key, value in schedule.items() if key in {*kinds, *SCHEDULE_OPTIONS}}
    try:
        SCHEDULES[kinds[0]].model_validate(options)
    except ValidationError as error:
        yield from (f"{where}: {problem['msg']}" for problem in error.errors())


def _twice(kind: str, blocks: Sequence[Mapping[str, Any]], key: str) -> Iterator[str]:
    for name, count in Counter(block.get(key) for block in blocks).items():
        if count > 1:
            yield f"{kind} {name!r} is declared {count} times"


def main() -> int:
    """Print every problem; return 1 if there is one."""
    if unfit := [*environment_problems(os.environ), *resource_problems()]:
        print("\n".join(unfit))
        return 1
    text = PREFECT_YAML.read_text(encoding="utf-8")
    found = problems(text) or [*workflow_problems(text), *operation_problems(text)]
    found += cloud_problems(text)
    # The entrypoints are imported now, and with them the agents.
    found += limit_problems({name: agent.policy for name, agent in AGENTS.items()})
    found += capacity_problems({name: agent.takes for name, agent in AGENTS.items()})
    found += schemas.found_problems()
    for note in [*asyncio.run(capacities_here()), *in_memory.notes(os.environ)]:
        print(note)
    print(
        "\n".join(found)
        or "prefect.yaml fits the flows, the workflows and deployments/resources.py"
    )
    return int(bool(found))


if __name__ == "__main__":
    run_command(main)
