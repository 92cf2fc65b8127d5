"""Compares prefect.yaml with the flows and resources.py, offline: `python -m deployments.check`."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.schema_tools.validation import validate
from pydantic import BaseModel, ValidationError

from agents.runtime.execution.agent import AGENTS
from agents.runtime.model.policies import Policy
from deployments.resources import HEARTBEAT, LIMITS, POOLS, TAG, Limit, Pool

PREFECT_YAML = Path(__file__).resolve().parents[1] / "prefect.yaml"
SCHEDULES: dict[str, type[BaseModel]] = {
    "cron": CronSchedule,
    "interval": IntervalSchedule,
    "rrule": RRuleSchedule,
}
SCHEDULE_OPTIONS = {"timezone", "day_or", "anchor_date"}


def problems(text: str, pools: Sequence[Pool] = POOLS) -> list[str]:
    """Everything that is wrong with a prefect.yaml, a line each."""
    try:
        configuration = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"prefect.yaml is not YAML: {error}"]
    deployments = configuration.get("deployments") or []
    places = [*configuration.get("definitions", {}).get("places", {}).values()]
    places += [deployment["work_pool"] for deployment in deployments if "work_pool" in deployment]
    found = [*_place_problems(places, pools), *_twice("deployment", deployments, "name")]
    for deployment in deployments:
        found += [f"{deployment.get('name')}: {problem}" for problem in _unfit(deployment)]
    return found


def limit_problems(policies: Mapping[str, Policy], limits: Sequence[Limit] = LIMITS) -> list[str]:
    """Agents whose limit is not declared, or too small to ever let a task run of theirs in."""
    slots = {limit.name: limit.slots for limit in limits}
    return [
        f"agent {name}: limit {policy.limit!r} has {slots.get(policy.limit, 0)} slots declared, "
        f"{policy.concurrency} are occupied at once"
        for name, policy in policies.items()
        if policy.limit is not None and slots.get(policy.limit, 0) < policy.concurrency
    ]


def _place_problems(places: Sequence[Mapping[str, str]], pools: Sequence[Pool]) -> Iterator[str]:
    named = {(place.get("name"), place.get("work_queue_name")) for place in places}
    declared = {(pool.name, queue.name) for pool in pools for queue in pool.queues}
    for pool, queue in sorted(named - declared, key=str):
        yield f"pool {pool!r} with queue {queue!r} is not declared in deployments/resources.py"
    for pool, queue in sorted(declared - named):
        yield f"pool {pool!r} with queue {queue!r} is declared but not named in prefect.yaml"


def _unfit(deployment: Mapping[str, Any]) -> Iterator[str]:
    if "work_pool" not in deployment:
        yield "names no work pool"
    yield from _heartbeat_problems(deployment)
    schedules = deployment.get("schedules") or []
    yield from _twice("schedule", schedules, "slug")
    for schedule in schedules:
        yield from _schedule_problems(schedule)
    try:
        # A placeholder would hide that the module does not import.
        flow: Flow[..., Any] = load_flow_from_entrypoint(
            deployment["entrypoint"], use_placeholder_flow=False
        )
    except Exception as error:  # noqa: BLE001 - importing runs any code, so it may raise anything
        yield f"entrypoint {deployment.get('entrypoint')!r} does not load: {error!r}"
        return
    name = str(deployment.get("name"))
    if name != flow.name and not name.startswith(f"{flow.name}-"):
        yield f"the flow is called {flow.name!r}; a deployment is called as its flow"
    yield from _parameter_problems(deployment, flow)


def _heartbeat_problems(deployment: Mapping[str, Any]) -> Iterator[str]:
    """What would make a run die unnoticed, or be taken for dead."""
    if TAG not in (deployment.get("tags") or []):
        yield f"lacks the tag {TAG!r}: a run that was killed would say Running for ever"
    variables = (deployment.get("work_pool") or {}).get("job_variables") or {}
    for name, value in HEARTBEAT.items():
        if str((variables.get("env") or {}).get(name)) != value:
            yield f"work_pool.job_variables.env.{name} is not {value}: its runs would seem dead"


def _parameter_problems(deployment: Mapping[str, Any], flow: Flow[..., Any]) -> Iterator[str]:
    schema = flow.parameters.model_dump_for_openapi()
    own = deployment.get("parameters") or {}
    # What a deployment leaves open is asked for at each run; a schedule has nobody to ask.
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
        yield f"{where}: without a slug every deploy makes it anew"
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
            yield f"{kind} {name!r} stands there {count} times"


def main() -> int:
    """Print every problem; 1 if there is one."""
    found = problems(PREFECT_YAML.read_text(encoding="utf-8"))
    # The entrypoints have been imported, and with them the agents.
    found += limit_problems({name: agent.policy for name, agent in AGENTS.items()})
    print("\n".join(found) or "prefect.yaml fits the flows and deployments/resources.py")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
