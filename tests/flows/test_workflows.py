"""Whoever takes up an item finds the story of its scenario, and sees it through to its end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from importlib import import_module
from inspect import signature
from pkgutil import walk_packages
from typing import Any, get_args

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
from flows.cli.reports import Listing, shown
from flows.operations.resume import act_and_resume, finish
from flows.workflows import WORKFLOWS
from tests.flows.shop import Shop

DEAR = 700_000


def act(shop: Shop, number: int) -> OperatorAction:
    return OperatorAction("orders", shop.order_id(number), "ann", "knows the customer")


def approve(some: OperatorAction) -> Any:
    def deed(journal: Journal) -> Awaitable[None]:
        return decide(journal, some, approved=True)

    return deed


async def approved(shop: Shop, count: int) -> None:
    """So many approved orders that nobody has taken up yet."""
    await shop.process([shop.order(n, price=DEAR) for n in range(count)])
    async with open_runtime(settings()) as opened:
        for number in range(count):
            await decide(opened.journal, act(shop, number), approved=True)


def test_every_story_is_found_by_the_name_of_its_scenario() -> None:
    assert WORKFLOWS.keys() == set(get_args(ScenarioName))
    assert all(n.outbox for story in WORKFLOWS.values() if (n := story.notifier()) is not None)
    compared = {name for name, story in WORKFLOWS.items() if story.is_reconciled}
    assert compared == set(get_args(ReconciledName))


def test_every_scenario_in_the_code_is_registered_under_its_name() -> None:
    modules = [
        import_module(module.name)
        for module in walk_packages(agents.__path__, "agents.")
        if ".migrations" not in module.name  # run by Alembic only
    ]
    values = [value for module in modules for value in vars(module).values()]
    found = [value for value in values if isinstance(value, Scenario)]
    assert {scenario.name for scenario in found} == WORKFLOWS.keys()
    for name, workflow in WORKFLOWS.items():
        assert workflow.scenario.name == name
        assert any(workflow.scenario is scenario for scenario in found)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_part_of_a_workflow_is_found(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert list(signature(workflow.process).parameters) == ["batch"]
    notify, reconcile = workflow.notifier(), workflow.reconcile
    assert notify is None or notify.outbox
    assert (reconcile is not None) is workflow.is_reconciled
    assert reconcile is None or next(iter(signature(reconcile).parameters)) == "view"


async def test_finish_takes_up_what_nobody_holds_or_only_what_is_named(shop: Shop) -> None:
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
async def test_two_who_finish_at_once_do_no_harm(shop: Shop) -> None:
    await approved(shop, 3)

    async def somebody() -> RunStats:
        async with open_runtime(settings()), connect_services(settings()):
            return await finish(WORKFLOWS["orders"])

    tallies = await asyncio.gather(somebody(), somebody())
    shipped = sum((stats.outcomes for stats in tallies), Counter[str]())["shipped"]
    assert shipped == 3
    assert shop.record.messages.total() == 3


async def test_a_deed_is_seen_through_to_the_end_of_its_item(shop: Shop) -> None:
    await shop.process([shop.order(1, price=DEAR)])
    told = await act_and_resume(act(shop, 1), approve(act(shop, 1)))
    assert told == Listing(title=f"orders {shop.order_id(1)}: shipped")
    with pytest.raises(IllegalTransition):
        await act_and_resume(act(shop, 1), approve(act(shop, 1)))
    with pytest.raises(UnknownItem):
        await act_and_resume(act(shop, 2), approve(act(shop, 2)))


async def test_a_listing_is_shown_as_it_is_outside_of_prefect() -> None:
    listing = Listing(title="1 item", table=[{"item": "a"}], lines=["a note"])
    assert await shown("some-key", listing) is listing
    assert (listing.headline(), listing.rows(), listing.notes()) == (
        "1 item",
        [{"item": "a"}],
        ["a note"],
    )
