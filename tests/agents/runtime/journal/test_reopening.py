"""An item that ended undone compensates found effects under a new key and repeats nothing else."""

from typing import Any

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition, PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.operator_actions import UnknownItem, replay
from agents.runtime.journal.reopening import reopen
from agents.runtime.journal.schema import items
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import (
    HERE,
    AnyAgent,
    Job,
    Provider,
    effect_of,
    effect_statuses,
    jobs,
    rows,
    run,
    states,
    step_statuses,
    undo_of,
)
from tests.agents.runtime.journal.operators import (
    ONE,
    action,
    at_once,
    events,
    plan_outage,
    resume,
    the_item,
)

FOUND = {"make": "unmake"}
pytestmark = pytest.mark.usefixtures("no_waits")


class Refused(PermanentError):
    """The step can never succeed."""


def refusing() -> AnyAgent:
    def refuse(_job: Job) -> None:
        raise Refused

    return agent(PURE)(refuse)


def workflow_of(provider: Provider, other: Provider | None = None) -> list[AnyAgent]:
    """One effect, or two, and a permanent failure, so that each item ends compensated."""
    effects: list[Any] = [effect_of(provider, undo=undo_of(provider))]
    if other is not None:
        undo = undo_of(other, name="unmake_other")
        effects.append(effect_of(other, name="make_other", undo=undo))
    return [*effects, refusing()]


async def test_only_found_effects_are_undone_again_under_a_new_key(
    opened: Runtime, provider: Provider
) -> None:
    other = Provider()
    steps = workflow_of(provider, other)
    await run(ONE, *steps)
    assert await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    assert await states() == {"one": "compensating"}
    [event] = await events("reopen")
    assert (event["by"], event["found"]) == ("ann", ["make"])

    assert (await resume(*steps)).outcomes == {"job compensated": 1}
    assert provider.undone == [f"{HERE}:default:jobs:one:make:0"] * 2
    assert other.undone == [f"{HERE}:default:jobs:one:make_other:0"]
    assert await effect_statuses() == {
        f"{HERE}:default:jobs:one:{name}": "done"
        for name in ("make:0", "unmake:0", "unmake:1", "make_other:0", "unmake_other:0")
    }
    undone = [step for step in await step_statuses() if step[0] == "unmake"]
    assert undone == [("unmake", 0, "superseded"), ("unmake", 1, "done")]
    assert (await resume(*steps)).outcomes == {}


async def test_each_reopening_has_its_own_key_beside_items_that_were_never_reopened(
    opened: Runtime, provider: Provider
) -> None:
    """One process undoes all three, at different occurrences of the same compensation."""
    steps = workflow_of(provider)
    for count in (1, 2):
        await run(jobs(2)[:count], *steps)
        for row in await rows(items):
            assert await reopen(opened.journal, action(row.key), row.sequence, FOUND)
        if count == 1:
            await resume(*steps)
            [row] = await rows(items)
            assert await reopen(opened.journal, action(row.key), row.sequence, FOUND)
            await resume(*steps)
    await run([Job(key="new")], *steps)
    assert (await resume(*steps)).outcomes == {"job compensated": 2}
    keys = [key.removeprefix(f"{HERE}:default:jobs:") for key in await effect_statuses()]
    assert [key for key in keys if ":unmake:" in key] == [
        *(f"job-0000:unmake:{n}" for n in range(4)),
        *(f"job-0001:unmake:{n}" for n in range(2)),
        "new:unmake:0",
    ]
    assert set((await effect_statuses()).values()) == {"done"}


async def test_an_effect_that_happened_although_it_was_refused_is_undone(
    opened: Runtime, provider: Provider
) -> None:
    provider.before["one"] = [Refused()]
    steps = workflow_of(provider)
    assert (await run(ONE, *steps)).outcomes == {"job failed": 1}
    assert provider.undone == []
    assert await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    assert (await resume(*steps)).outcomes == {"job compensated": 1}
    assert provider.undone == [f"{HERE}:default:jobs:one:make:0"]


async def test_a_dead_letter_of_a_reopened_item_is_replayed_under_the_same_key(
    opened: Runtime, provider: Provider
) -> None:
    steps = workflow_of(provider)
    await run(ONE, *steps)
    await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    plan_outage(provider)
    assert (await resume(*steps)).outcomes == {"dead-lettered": 1}
    assert await replay(opened.journal, action())
    assert (await resume(*steps)).outcomes == {"job compensated": 1}
    undone = [step for step in await step_statuses() if step[0] == "unmake"]
    assert undone == [("unmake", 0, "superseded"), ("unmake", 1, "done")]
    assert provider.undone == [f"{HERE}:default:jobs:one:make:0"] * 2


async def test_only_one_of_two_concurrent_reopenings_applies(
    opened: Runtime, provider: Provider
) -> None:
    steps = workflow_of(provider)
    await run(ONE, *steps)
    seen = (await the_item()).sequence
    both = await at_once([reopen(opened.journal, action(), seen, FOUND) for _ in range(2)])
    assert sorted(both) == [False, True]
    await resume(*steps)
    assert await reopen(opened.journal, action(), seen, FOUND) is False
    assert provider.undone == [f"{HERE}:default:jobs:one:make:0"] * 2


async def test_items_that_did_not_end_undone_are_not_reopened(
    opened: Runtime, provider: Provider
) -> None:
    await run(ONE, effect_of(provider, undo=undo_of(provider)))
    with pytest.raises(IllegalTransition, match="completed"):
        await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    with pytest.raises(UnknownItem):
        await reopen(opened.journal, action("nobody"), 1, FOUND)
    assert await states() == {"one": "completed"}
