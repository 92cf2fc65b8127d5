"""A Deployment and a ScaledObject for each version; what a rollout has drained goes from both."""

from collections.abc import AsyncIterator

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal import rollouts
from agents.runtime.journal.rollouts import Plan
from agents.runtime.settings import Settings
from deployments.kubernetes import versions
from deployments.kubernetes.__main__ import deletions
from deployments.kubernetes.manifests import files
from deployments.kubernetes.values import Values
from deployments.kubernetes.versions import AgentVersion
from flows.workflows import WORKFLOWS
from tests.agents.runtime.jobs import change
from tests.agents.runtime.journal.histories import History
from tests.deployments.kubernetes.cluster import OVERLAYS, name_of, of_kind, pod_of

INVOICES = WORKFLOWS["invoices"]
FIRST, SECOND = (AgentVersion("invoices", major, is_current=major == 1) for major in (1, 2))
# The SQL of rollouts and of drained versions runs on both databases in their own tests.
on_sqlite = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)


@pytest.fixture
async def opened(journal_settings: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(journal_settings) as found:
        yield found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_version_of_the_code_has_a_deployment_and_a_scaled_object(overlay: str) -> None:
    wanted = {one.name for one in versions.of_code()}
    assert {"consumer-orders-v1", "consumer-invoices-v1", "consumer-invoices-v2"} <= wanted
    for kind in ("Deployment", "ScaledObject"):
        named = {name_of(one) for one in of_kind(overlay, kind) if "consumer-" in name_of(one)}
        assert named == wanted


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_consumer_takes_one_version_and_only_keda_says_how_many_there_are(overlay: str) -> None:
    for one in of_kind(overlay, "Deployment"):
        if not name_of(one).startswith("consumer-"):
            continue
        [container] = pod_of(one)["spec"]["containers"]
        scenario, _, major = name_of(one).removeprefix("consumer-").rpartition("-v")
        assert container["command"][-4:] == ["--scenario", scenario, "--major", major]
        assert "replicas" not in one["spec"], "an apply would undo what KEDA has set"


def test_only_the_current_version_keeps_a_consumer_and_has_one_while_the_database_is_away() -> None:
    scaled = {name_of(one): one["spec"] for one in of_kind("plain", "ScaledObject")}
    least = {name: one["minReplicaCount"] for name, one in scaled.items()}
    assert {name for name, count in least.items() if count} == {
        "consumer-orders-v1",
        "consumer-turns-v1",
    }, "those that deployments/resources.py keeps one consumer for"
    assert scaled["consumer-invoices-v1"]["fallback"]["replicas"] == 1
    assert scaled["consumer-invoices-v2"]["fallback"]["replicas"] == 0
    assert {one["fallback"]["behavior"] for one in scaled.values()} == {"currentReplicasIfHigher"}


@on_sqlite
async def test_a_version_that_no_rollout_has_reached_stays_for_the_next_one(
    opened: Runtime,
) -> None:
    assert await versions.of_journal(opened.journal.database) == versions.of_code()


@on_sqlite
async def test_a_promoted_version_becomes_the_current_one_and_the_drained_one_goes(
    opened: Runtime,
) -> None:
    journal, scenario = opened.journal, INVOICES.scenario
    await rollouts.begin(journal, scenario, Plan(candidate=2, share=10.0), "ann", "asks first")
    running = await of_invoices(opened)
    assert running == [FIRST, SECOND]

    await rollouts.promote(journal, "invoices", "ann", "as good as before")
    await queue_one(opened, "1")
    assert await of_invoices(opened) == [
        AgentVersion("invoices", 1, is_current=False),
        AgentVersion("invoices", 2, is_current=True),
    ], "an item of version 1 waits"

    await change("k0", state="completed")
    kept = await versions.of_journal(journal.database)
    assert [one for one in kept if one.scenario == "invoices"] == [
        AgentVersion("invoices", 2, is_current=True)
    ]
    assert deletions(kept, Values()) == [
        "kubectl --namespace agent-flows delete scaledobject,deployment,pdb consumer-invoices-v1"
    ]
    made = files(Values(), kept)
    assert "consumer-invoices-v1" not in "".join(made.values())
    assert "consumer-invoices-v2" in made["base/consumers.yaml"]


@on_sqlite
async def test_after_a_roll_back_the_candidate_goes_once_it_is_drained(opened: Runtime) -> None:
    journal, scenario = opened.journal, INVOICES.scenario
    await rollouts.begin(journal, scenario, Plan(candidate=2, share=10.0), "ann", "asks first")
    await queue_one(opened, "2")
    await rollouts.roll_back(journal, "invoices", "ann", "books too late")
    assert await of_invoices(opened) == [FIRST, SECOND]
    await change("k0", state="completed")
    assert await of_invoices(opened) == [FIRST]


async def of_invoices(opened: Runtime) -> list[AgentVersion]:
    found = await versions.of_journal(opened.journal.database)
    return [one for one in found if one.scenario == "invoices"]


async def queue_one(opened: Runtime, version: str) -> None:
    """Put an item of a version into the queue of invoices."""
    state = {"state": "pending", "scenario": "invoices", "major": int(version)}
    await History(opened.journal).add(1, state, version=version)
