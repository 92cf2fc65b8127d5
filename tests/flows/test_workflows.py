"""Every scenario is registered with what processes its items, and any process can finish them."""

import asyncio
import pkgutil
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib import import_module
from inspect import signature
from typing import get_args

import pytest

import agents
from agents.runtime.context import open_runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import Journal
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem, decide
from agents.runtime.model.batch import RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.settings import settings
from agents.services import connect_services
from flows.cli.parameters import ReconciledName, ScenarioName
from flows.cli.reports import Listing
from flows.operations.resume import act_and_resume, finish
from flows.workflows import WORKFLOWS
from tests.flows.shop import Shop

DEAR = 700_000


def action_on(shop: Shop, number: int) -> OperatorAction:
    return OperatorAction("orders", shop.order_id(number), "ann", "knows the customer")


def approval(action: OperatorAction) -> Callable[[Journal], Awaitable[None]]:
    return lambda journal: decide(journal, action, approved=True)


async def approved(shop: Shop, count: int) -> None:
    """Approve this number of orders, which no process has taken up yet."""
    await shop.process([shop.order(n, price=DEAR) for n in range(count)])
    async with open_runtime(settings()) as opened:
        for number in range(count):
            await decide(opened.journal, action_on(shop, number), approved=True)


def test_every_workflow_has_the_name_of_its_scenario_and_is_a_choice() -> None:
    assert {one.scenario.name for one in WORKFLOWS.values()} == WORKFLOWS.keys()
    assert WORKFLOWS.keys() == set(get_args(ScenarioName))
    assert all(agent.outbox for one in WORKFLOWS.values() if (agent := one.notifier()) is not None)
    reconciled = {name for name, one in WORKFLOWS.items() if one.reconcile is not None}
    assert reconciled == set(get_args(ReconciledName))


def test_every_scenario_in_the_code_is_registered() -> None:
    names = [found.name for found in pkgutil.walk_packages(agents.__path__, "agents.")]
    modules = [import_module(name) for name in names if ".migrations" not in name]  # run by Alembic
    values = [value for module in modules for value in vars(module).values()]
    found = {(one.name, one.version) for one in values if isinstance(one, Scenario)}
    registered = [one.scenario for one in WORKFLOWS.values()]
    versions = {(v.name, v.version) for one in registered for v in (one, *one.others)}
    assert found == versions


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_part_of_a_workflow_is_found(name: str) -> None:
    workflow = WORKFLOWS[name]
    for version in (workflow.scenario, *workflow.scenario.others):
        process = workflow.of(version.version)
        assert process is not None
        assert list(signature(process).parameters) == ["batch"]
    notify, reconcile = workflow.notifier(), workflow.reconcile
    assert notify is None or notify.outbox
    assert (reconcile is not None) is workflow.is_reconciled
    assert reconcile is None or next(iter(signature(reconcile).parameters)) == "view"


async def test_finish_processes_all_items_that_nobody_holds_or_only_some(shop: Shop) -> None:
    await approved(shop, 3)
    ids = sorted((await shop.journal()).items)
    async with open_runtime(settings()), connect_services(settings()):
        one = await finish(WORKFLOWS["orders"], ids[1:2])
        assert dict(one.outcomes) == {"shipped": 1}
        assert shop.record.shipments.keys() == {shop.order_id(1)}
        stats = RunStats()
        assert await finish(WORKFLOWS["orders"], stats=stats) is stats
        assert dict(stats.outcomes) == {"shipped": 2}
        assert dict((await finish(WORKFLOWS["orders"])).outcomes) == {}
    assert shop.record.messages.total() == 3


@pytest.mark.slow
async def test_two_processes_that_finish_the_same_items_do_each_once(shop: Shop) -> None:
    await approved(shop, 3)

    async def one_process() -> RunStats:
        async with open_runtime(settings()), connect_services(settings()):
            return await finish(WORKFLOWS["orders"])

    both = await asyncio.gather(one_process(), one_process())
    shipped = sum((stats.outcomes for stats in both), Counter[str]())["shipped"]
    assert shipped == 3
    assert shop.record.messages.total() == 3


async def test_after_an_action_the_item_is_processed_to_its_end(shop: Shop) -> None:
    first, missing = action_on(shop, 1), action_on(shop, 2)
    await shop.process([shop.order(1, price=DEAR)])
    report = await act_and_resume(first, approval(first))
    assert report == Listing(title=f"orders {shop.order_id(1)}: shipped")
    with pytest.raises(IllegalTransition):
        await act_and_resume(first, approval(first))
    with pytest.raises(UnknownItem):
        await act_and_resume(missing, approval(missing))
