"""What ended undone is compensated once more, under a new key, and nothing else of it is repeated."""

from typing import Any

import pytest

from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition, PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.operator_actions import UnknownItem, reopen, replay
from agents.runtime.journal.schema import items
from agents.runtime.model.policies import PURE
from tests.agents.runtime.jobs import (
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
    dying,
    events,
    go_on,
    the_item,
)

FOUND = {"make": "unmake"}
pytestmark = pytest.mark.usefixtures("no_waits")


class Refused(PermanentError):
    """It can never work."""


def refusing() -> AnyAgent:
    def refuse(_job: Job) -> None:
        raise Refused

    return agent(PURE)(refuse)


def story(provider: Provider, other: Provider | None = None) -> list[AnyAgent]:
    """One effect, or two, and a failure for good; so each item ends compensated."""
    effects: list[Any] = [effect_of(provider, undo=undo_of(provider))]
    if other is not None:
        undo = undo_of(other, name="unmake_other")
        effects.append(effect_of(other, name="make_other", undo=undo))
    return [*effects, refusing()]


async def test_only_what_was_found_is_undone_again_under_a_new_key(
    opened: Runtime, provider: Provider
) -> None:
    other = Provider()
    steps = story(provider, other)
    await run(ONE, *steps)
    assert await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    assert await states() == {"one": "compensating"}
    [event] = await events("reopen")
    assert (event["by"], event["found"]) == ("ann", ["make"])

    assert (await go_on(*steps)).outcomes == {"job compensated": 1}
    assert provider.undone == ["default:jobs:one:make:0"] * 2
    assert other.undone == ["default:jobs:one:make_other:0"]
    assert await effect_statuses() == {
        f"default:jobs:one:{name}": "done"
        for name in ("make:0", "unmake:0", "unmake:1", "make_other:0", "unmake_other:0")
    }
    undone = [step for step in await step_statuses() if step[0] == "unmake"]
    assert undone == [("unmake", 0, "superseded"), ("unmake", 1, "done")]
    assert (await go_on(*steps)).outcomes == {}


async def test_each_reopening_has_a_key_of_its_own_beside_items_that_never_were(
    opened: Runtime, provider: Provider
) -> None:
    """All three are undone by one process, at different occurrences of the same compensation."""
    steps = story(provider)
    for count in (1, 2):
        await run(jobs(2)[:count], *steps)
        for row in await rows(items):
            assert await reopen(opened.journal, action(row.key), row.sequence, FOUND)
        if count == 1:
            await go_on(*steps)
            [row] = await rows(items)
            assert await reopen(opened.journal, action(row.key), row.sequence, FOUND)
            await go_on(*steps)
    await run([Job(key="new")], *steps)
    assert (await go_on(*steps)).outcomes == {"job compensated": 2}
    keys = [key.removeprefix("default:jobs:") for key in await effect_statuses()]
    assert [key for key in keys if ":unmake:" in key] == [
        *(f"job-0000:unmake:{n}" for n in range(4)),
        *(f"job-0001:unmake:{n}" for n in range(2)),
        "new:unmake:0",
    ]
    assert set((await effect_statuses()).values()) == {"done"}


async def test_an_effect_that_was_refused_and_yet_happened_is_undone(
    opened: Runtime, provider: Provider
) -> None:
    provider.before["one"] = [Refused()]
    steps = story(provider)
    assert (await run(ONE, *steps)).outcomes == {"job failed": 1}
    assert provider.undone == []
    assert await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    assert (await go_on(*steps)).outcomes == {"job compensated": 1}
    assert provider.undone == ["default:jobs:one:make:0"]


async def test_one_that_dies_while_it_is_undone_again_is_replayed_under_the_same_key(
    opened: Runtime, provider: Provider
) -> None:
    steps = story(provider)
    await run(ONE, *steps)
    await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    dying(provider)
    assert (await go_on(*steps)).outcomes == {"dead-lettered": 1}
    assert await replay(opened.journal, action())
    assert (await go_on(*steps)).outcomes == {"job compensated": 1}
    undone = [step for step in await step_statuses() if step[0] == "unmake"]
    assert undone == [("unmake", 0, "superseded"), ("unmake", 1, "done")]
    assert provider.undone == ["default:jobs:one:make:0"] * 2


async def test_of_two_who_saw_the_same_one_reopens(opened: Runtime, provider: Provider) -> None:
    steps = story(provider)
    await run(ONE, *steps)
    seen = (await the_item()).sequence
    both = await at_once([reopen(opened.journal, action(), seen, FOUND) for _ in range(2)])
    assert sorted(both) == [False, True]
    await go_on(*steps)
    assert await reopen(opened.journal, action(), seen, FOUND) is False
    assert provider.undone == ["default:jobs:one:make:0"] * 2


async def test_what_did_not_end_undone_is_not_reopened(opened: Runtime, provider: Provider) -> None:
    await run(ONE, effect_of(provider, undo=undo_of(provider)))
    with pytest.raises(IllegalTransition, match="completed"):
        await reopen(opened.journal, action(), (await the_item()).sequence, FOUND)
    with pytest.raises(UnknownItem):
        await reopen(opened.journal, action("nobody"), 1, FOUND)
    assert await states() == {"one": "completed"}
