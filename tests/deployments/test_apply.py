"""apply.py creates and updates on a real server what is declared, and then changes nothing."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    GlobalConcurrencyLimitCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule
from prefect.events import Event, Resource
from prefect.events.actions import SuspendFlowRun
from prefect.events.clients import get_events_client
from prefect.events.related import tags_as_related_resources
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Running

from agents.runtime.prefect_ui import TAG
from deployments.apply import apply, plan
from deployments.pruning import read_record
from deployments.resources import AUTOMATIONS, LIMITS, POOLS, RETIRED, Limit, Pool, Queue
from deployments.server_changes import Declared, WrongPoolType
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow


@pytest.fixture
def client_settings(prefect_server: PrefectServer) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        yield


@pytest.fixture
async def without_ours(client_settings: None) -> None:
    """Remove from the server what another module may have applied to it."""
    async with get_client() as client:
        for pool in await client.read_work_pools():
            await client.delete_work_pool(pool.name)
        for limit in await client.read_global_concurrency_limits():
            await client.delete_global_concurrency_limit_by_name(limit.name)
        for automation in await client.read_automations():
            await client.delete_automation(automation.id)


@pytest.mark.usefixtures("without_ours")
def test_the_command_creates_all_and_changes_nothing_the_second_time(
    prefect_server: PrefectServer,
) -> None:
    planned = prefect_server.run(sys.executable, "-m", "deployments.apply", "--plan")
    assert "create work pool default\n" in planned.stdout, planned.stderr
    first = prefect_server.run(sys.executable, "-m", "deployments.apply")
    assert first.returncode == 0, first.stderr
    assert set(first.stdout.split("\n")) >= {
        "created work pool default",
        "created work queue default/urgent",
        "created concurrency limit payments",
        "created automation agent-flows: runs without heartbeat",
    }
    second = prefect_server.run(sys.executable, "-m", "deployments.apply")
    assert (second.returncode, second.stdout) == (0, "nothing to change\n")


@pytest.mark.usefixtures("client_settings")
async def test_the_server_holds_what_is_declared() -> None:
    await apply()
    async with get_client() as client:
        for pool in POOLS:
            found = await client.read_work_pool(pool.name)
            assert (found.type, found.concurrency_limit) == (pool.type, pool.limit)
            assert "variables" in found.base_job_template
            for queue in pool.queues:
                held = await client.read_work_queue_by_name(queue.name, pool.name)
                assert (held.priority, held.concurrency_limit) == (queue.priority, queue.limit)
        for limit in LIMITS:
            known = await client.read_global_concurrency_limit_by_name(limit.name)
            assert (known.limit, known.active) == (limit.slots, True)


@pytest.mark.usefixtures("client_settings")
async def test_another_image_is_given_to_a_pool_and_the_rest_of_its_template_is_kept() -> None:
    variables = (("cpu", 1024), ("image", "registry.example.com/flows:0.1.0"))
    pool = Pool("trial-ecs", "ecs", 4, "containers", queues=(), variables=variables)
    await apply(Declared((pool,)))
    async with get_client() as client:
        template = (await client.read_work_pool(pool.name)).base_job_template
        template["variables"]["properties"]["cluster"]["default"] = "of-a-person"
        await client.update_work_pool(pool.name, WorkPoolUpdate(base_job_template=template))
    assert await apply(Declared((pool,))) == []
    after = replace(pool, variables=(("cpu", 1024), ("image", "registry.example.com/flows:0.2.0")))
    (line,) = await apply(Declared((after,)))
    assert line.startswith("updated work pool trial-ecs: image 'registry.example.com/flows:0.1.0'")
    assert line.endswith("-> 'registry.example.com/flows:0.2.0'")
    async with get_client() as client:
        template = (await client.read_work_pool(pool.name)).base_job_template
    found = {name: one.get("default") for name, one in template["variables"]["properties"].items()}
    assert (found["image"], found["cluster"]) == (dict(after.variables)["image"], "of-a-person")


@pytest.mark.usefixtures("client_settings")
async def test_a_changed_declaration_updates_only_what_changed() -> None:
    before = Pool("trial", "process", 4, "before", queues=(Queue("slow", 5, 1), Queue("x", 6, 1)))
    after = replace(before, limit=5, queues=(Queue("slow", 5, 2), Queue("x", 6, 1)))
    await apply(Declared((before,), (Limit("trial", 1), Limit("other", 1))))
    limits = (Limit("trial", 2), Limit("other", 1))
    assert await apply(Declared((after,), limits)) == [
        "updated work pool trial: limit 4 -> 5",
        "updated work queue trial/slow: limit 1 -> 2",
        "updated concurrency limit trial: slots 1 -> 2",
    ]
    assert await apply(Declared((after,), limits)) == []


@pytest.mark.usefixtures("without_ours")
async def test_a_plan_shows_what_apply_then_does_and_changes_nothing() -> None:
    pool = Pool("trial", "process", 4, "of a test", queues=(Queue("slow", 5, 1),))
    declared = Declared((pool,), (Limit("trial", 1),))
    planned = ["create work pool trial", "create work queue trial/slow"]
    planned.append("create concurrency limit trial")
    assert await plan(declared) == planned
    assert await plan(declared) == planned
    assert await apply(declared) == [line.replace("create", "created") for line in planned]
    assert await plan(declared) == []


@pytest.mark.usefixtures("without_ours")
async def test_only_what_apply_made_is_removed_and_nothing_that_is_in_use() -> None:
    """Theirs are: one that was there before, one made again by somebody, one renamed."""
    alerts = replace(AUTOMATIONS[1], name="trial alerts")
    pools = [Pool(name, "process", 1, "", (Queue("q", 5, 1),)) for name in ("idle", "busy")]
    limits = [Limit("unused", 1), Limit("theirs", 1), Limit("remade", 1)]
    declared = Declared(pools, limits, (alerts, replace(alerts, name="trial renamed")))
    async with get_client() as client:
        create = GlobalConcurrencyLimitCreate(name="theirs", limit=1)
        await client.create_global_concurrency_limit(create)
        await apply(declared)
        await client.delete_global_concurrency_limit_by_name("remade")
        again = GlobalConcurrencyLimitCreate(name="remade", limit=1)
        await client.create_global_concurrency_limit(again)
        [renamed] = await client.read_automations_by_name("trial renamed")
        theirs = AutomationCore.model_validate(
            renamed.model_dump(exclude={"id", "owner_resource"}) | {"name": "their alerts"}
        )
        await client.update_automation(renamed.id, theirs)
        flow_id = await client.create_flow(idle)
        deployment = await client.create_deployment(
            flow_id, "trial", work_pool_name="busy", work_queue_name="q"
        )
        planned = await plan(Declared())
        removed = await apply(Declared(), prune=True)
        reason = ": made by an earlier apply, no longer declared"
        use = f"{reason}, but 1 deployments name it and 0 runs are unfinished"
        assert removed == [
            f"removed automation trial alerts{reason}",
            f"removed concurrency limit unused{reason}",
            f"kept work queue busy/q{use}",
            f"removed work queue idle/q{reason}",
            f"kept work pool busy{use}",
            f"removed work pool idle{reason}",
        ]
        shown = [line.replace("removed", "remove").replace("kept", "keep") for line in removed]
        assert planned == shown
        assert {pool.name for pool in await client.read_work_pools()} == {"busy"}
        known = await client.read_global_concurrency_limits(limit=10, offset=0)
        assert {limit.name for limit in known} == {"theirs", "remade"}
        assert {one.name for one in await client.read_automations()} == {"their alerts"}
        await client.delete_deployment(deployment)
        assert len(await apply(Declared(), prune=True)) == 2
        assert await client.read_work_pools() == []
        assert not {*await read_record(client)} & {line.split(maxsplit=1)[1] for line in removed}


@pytest.mark.usefixtures("client_settings")
async def test_a_pool_of_another_type_is_refused() -> None:
    await apply(Declared((Pool("kind", "process", 1, "", queues=()),)))
    with pytest.raises(WrongPoolType, match="is of type 'process', not 'docker'"):
        await apply(Declared((Pool("kind", "docker", 1, "", queues=()),)))


@pytest.mark.usefixtures("client_settings")
async def test_an_automation_is_created_once_and_changes_of_users_are_kept() -> None:
    crashing, shown = AUTOMATIONS
    ours = [replace(crashing, name="trial crash"), replace(shown, name="trial alerts")]
    created = ["created automation trial crash", "created automation trial alerts"]
    assert await apply(Declared(automations=ours)) == created
    assert await apply(Declared(automations=ours)) == []
    async with get_client() as client:
        for one in ours:
            [found] = await client.read_automations_by_name(one.name)
            changed = found.model_dump(exclude={"id", "owner_resource"})
            changed |= {"actions": [{"type": "suspend-flow-run"}], "enabled": False}
            await client.update_automation(found.id, AutomationCore.model_validate(changed))

        assert await apply(Declared(automations=ours)) == [
            "updated automation trial crash: actions"
        ]

        for one, actions in zip(ours, [list(crashing.actions), [SuspendFlowRun()]], strict=True):
            [found] = await client.read_automations_by_name(one.name)
            assert (found.trigger, found.actions) == (one.trigger, actions)
            assert not found.enabled
            await client.delete_automation(found.id)


@pytest.mark.usefixtures("client_settings")
async def test_only_our_run_without_heartbeat_becomes_crashed() -> None:
    trigger = AUTOMATIONS[0].trigger.model_copy(update={"within": timedelta(seconds=10)})
    quick = replace(AUTOMATIONS[0], name="trial silence", trigger=trigger)
    await apply(Declared(automations=(quick,)))
    async with get_client() as client, get_events_client() as events:
        runs = [
            await client.create_flow_run(idle, tags=tags, state=Running())
            for tags in ([TAG], [TAG], ["theirs"])
        ]
        for run in runs:
            await events.emit(heartbeat(run))
        silent, finished, theirs = runs
        await client.set_flow_run_state(finished.id, Completed(message="done"), force=True)

        found = None
        for _ in range(60):
            found = (await client.read_flow_run(silent.id)).state
            if found is not None and found.is_crashed():
                break
            await asyncio.sleep(1)

        assert found is not None
        assert (found.is_crashed(), found.message) == (True, "sends no heartbeat")
        for other, word in ((finished, "Completed"), (theirs, "Running")):
            state = (await client.read_flow_run(other.id)).state
            assert (state and state.name) == word
        [made] = await client.read_automations_by_name(quick.name)
        await client.delete_automation(made.id)


@pytest.mark.usefixtures("client_settings")
async def test_deployments_of_earlier_releases_are_removed_and_nothing_else() -> None:
    old, foreign = RETIRED[0], replace(RETIRED[1], entrypoint="theirs.follow")
    reused = RETIRED[2]
    await deploy(old.name, old.entrypoint, {old.schedule: False, "of their own": True})
    await deploy(foreign.name, foreign.entrypoint, {foreign.schedule: True})
    await deploy(reused.name, reused.entrypoint, {reused.schedule: True})

    off, on = await apply(Declared(retired=RETIRED))
    assert (
        off == "removed deployment compare/compare of an earlier release: use reconcile/reconcile"
    )
    assert on.startswith(
        "removed deployment reconcile/reconcile of an earlier release: use recover"
    )
    assert on.endswith("; its schedule was on, so switch on that of recover/recover")
    assert await apply(Declared(retired=RETIRED)) == []
    async with get_client() as client:
        with pytest.raises(ObjectNotFound):
            await client.read_deployment_by_name(old.name)
        with pytest.raises(ObjectNotFound):
            await client.read_deployment_by_name(reused.name)
        kept = await client.read_deployment_by_name(foreign.name)
        assert [schedule.slug for schedule in kept.schedules] == [foreign.schedule]
        await client.delete_deployment(kept.id)


@pytest.mark.usefixtures("client_settings")
async def test_a_schedule_of_an_earlier_release_is_removed_if_its_name_was_deployed_again() -> None:
    reused = RETIRED[2]
    assert reused.name == "reconcile/reconcile"
    await deploy(reused.name, reused.reused_by, {reused.schedule: True, "nightly": True})

    [removed] = await apply(Declared(retired=RETIRED))
    assert removed.startswith("removed schedule every-minute of reconcile/reconcile")
    assert removed.endswith("; its schedule was on, so switch on that of recover/recover")
    assert await apply(Declared(retired=RETIRED)) == []
    async with get_client() as client:
        kept = await client.read_deployment_by_name(reused.name)
        assert [(one.slug, one.active) for one in kept.schedules] == [("nightly", True)]
        await client.delete_deployment(kept.id)


async def deploy(name: str, entrypoint: str, schedules: dict[str, bool]) -> None:
    """A deployment <flow>/<deployment> with these schedules, each on or off."""
    flow_name, _, deployment = name.partition("/")
    async with get_client() as client:
        flow_id = await client.create_flow_from_name(flow_name)
        await client.create_deployment(
            flow_id,
            deployment,
            entrypoint=entrypoint,
            tags=[TAG],
            schedules=[
                DeploymentScheduleCreate(
                    slug=slug, active=active, schedule=CronSchedule(cron="0 3 * * *")
                )
                for slug, active in schedules.items()
            ],
        )


@flow
async def idle() -> None:
    """Never runs."""


def heartbeat(run: FlowRun) -> Event:
    """The event that a flow run sends while its process lives."""
    return Event(
        event="prefect.flow-run.heartbeat",
        resource=Resource({"prefect.resource.id": f"prefect.flow-run.{run.id}"}),
        related=tags_as_related_resources(set(run.tags)),
    )
