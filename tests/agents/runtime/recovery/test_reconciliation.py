"""Reconciliation: what a comparison gets of ended items, and how the journal undoes what it found."""

import time
from dataclasses import replace

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal.operator_actions import discard
from agents.runtime.journal.pruning import prune
from agents.runtime.recovery import reconciliation
from agents.runtime.recovery.reconciliation import (
    Difference,
    Ended,
    JournalView,
    Window,
    undo_found,
)
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    HERE,
    JOBS,
    Job,
    Made,
    Provider,
    change,
    effect_of,
    jobs,
    run,
    states,
    undo_of,
)
from tests.agents.runtime.journal.operators import Question, action, plan_outage, resume
from tests.agents.runtime.journal.test_reopening import refusing, workflow_of

pytestmark = pytest.mark.usefixtures("no_waits")
ALL = Window(0, 10**10)


def view(opened: Runtime, window: Window = ALL) -> JournalView:
    return JournalView(opened.journal, JOBS, window)


async def settled(journal_view: JournalView) -> dict[str, bool]:
    return {ended.item.key: ended.settled async for page in journal_view.ended() for ended in page}


async def every_end(opened: Runtime, provider: Provider) -> None:
    """Make items that completed, were undone, dead-lettered or discarded, and one that waits."""
    make = effect_of(provider, undo=undo_of(provider))
    await run([Job(key="done")], make)
    await run([Job(key="undone")], make, refusing())
    for key in ("dead", "gone"):
        plan_outage(provider, key)
    await run([Job(key="dead"), Job(key="gone")], make)
    await discard(opened.journal, action("gone"))
    await run([Job(key="waits")], make, Question().agent)


async def test_only_items_that_ended_permanently_are_settled(
    opened: Runtime, provider: Provider
) -> None:
    await every_end(opened, provider)
    journal_view = view(opened)
    assert await settled(journal_view) == {
        "done": True,
        "undone": True,
        "dead": False,
        "gone": False,
    }
    found = await journal_view.by_key(["done", "undone", "dead", "gone", "waits", "nobody"])
    assert {key: [ended.settled for ended in group] for key, group in found.items()} == {
        "done": [True], "undone": [True], "dead": [False], "gone": [False], "waits": [False],
    }  # fmt: skip
    assert {key: found[key][0].undone for key in ("done", "undone")} == {
        "done": False,
        "undone": True,
    }
    await prune(opened.journal, "jobs", older_than=-1)
    assert await settled(journal_view) == dict.fromkeys(("done", "undone", "dead", "gone"), False)
    assert await journal_view.by_key([]) == {}


async def test_an_item_is_found_by_its_key_and_by_its_effects_with_its_facts(
    opened: Runtime, provider: Provider
) -> None:
    await run([Job(key="a", n=7)], effect_of(provider))
    journal_view = view(opened)
    key = f"{HERE}:default:jobs:a:make:0"
    assert await journal_view.by_effect([]) == {}
    found = await journal_view.by_effect([key, "nobody's"])
    assert list(found) == [key]
    [[by_key]] = (await journal_view.by_key(["a"])).values()
    for ended in (found[key], by_key):
        assert (ended.item.fact(Made), ended.item.payload.n) == (Made(by="make", n=7), 7)
        assert ended.item.effects["make", 0].key == key


async def test_an_item_is_found_by_its_reference(
    opened: Runtime, journal_settings: Settings, provider: Provider
) -> None:
    """By that of an earlier release, the key alone, the items of all tenants are found."""
    make = effect_of(provider)
    await run([Job(key="a")], make)
    async with open_runtime(journal_settings.model_copy(update={"tenant": "second"})):
        await run([Job(key="a")], make)
    journal_view, other = view(opened), "f" * 16
    names = [f"{HERE}:default:a", f"{HERE}:second:a", "a", f"{other}:default:a", f"{HERE}:x:a", ""]
    found = await journal_view.by_reference(names)
    assert {name: sorted(one.item.tenant for one in group) for name, group in found.items()} == {
        f"{HERE}:default:a": ["default"],
        f"{HERE}:second:a": ["second"],
        "a": ["default", "second"],
        f"{other}:default:a": [],
        f"{HERE}:x:a": [],
        "": [],
    }
    assert [journal_view.may_be_ours(name) for name in names] == [
        True,
        True,
        True,
        False,
        True,
        True,
    ]


async def test_items_that_ended_outside_the_window_are_not_settled(
    opened: Runtime, provider: Provider
) -> None:
    await run(jobs(2), effect_of(provider))
    now = time.time()
    await change("job-0001", ended_at=now - 100)
    assert await settled(view(opened, Window(0, now - 50))) == {"job-0001": True}
    assert await settled(view(opened, Window(now - 50, now + 50))) == {"job-0000": True}
    found = await view(opened, Window(0, now - 50)).by_key(["job-0000", "job-0001"])
    assert {key: ended.settled for key, [ended] in found.items()} == {
        "job-0000": False,
        "job-0001": True,
    }


async def test_all_pages_are_read_once(
    opened: Runtime, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "AT_ONCE", 2)
    await run(jobs(5), effect_of(provider))
    pages = [[ended.item.key for ended in page] async for page in view(opened).ended()]
    assert list(map(len, pages)) == [2, 2, 1]
    assert [key for page in pages for key in page] == [job.key for job in jobs(5)]


async def test_items_are_found_below_a_key(opened: Runtime, provider: Provider) -> None:
    await run([Job(key=key) for key in ("a", "a:1", "a:2", "ab", "b:1")], effect_of(provider))
    found = await view(opened).below(["a", "b", "c"])
    assert {key: [ended.item.key for ended in group] for key, group in found.items()} == {
        "a": ["a", "a:1", "a:2"],
        "b": ["b:1"],
        "c": [],
    }


async def test_an_item_of_another_tenant_is_found_by_its_key_and_not_listed(
    opened: Runtime, provider: Provider
) -> None:
    await run(jobs(1), effect_of(provider))
    other = JournalView(replace(opened.journal, tenant="other"), JOBS, ALL)
    assert await settled(other) == {}
    [[ended]] = (await other.by_key(["job-0000"])).values()
    assert ended.item.tenant == "default"


async def test_differences_of_one_item_are_undone_together_and_once(
    opened: Runtime, provider: Provider
) -> None:
    other = Provider()
    steps = workflow_of(provider, other)
    await run(jobs(2), *steps)
    ended_items = [ended async for page in view(opened).ended() for ended in page]

    def difference(of: Ended, effect: str) -> Difference:
        return Difference("found", of.item.key, "outside", "undo it", of, effect)

    differences = [
        difference(ended_items[0], "make"),
        difference(ended_items[0], "make_other"),
        Difference("unknown", "x", "outside", "see whose it is"),
    ]
    assert await undo_found(opened.journal, differences) == [ended_items[0].item.id]
    assert await states() == {"job-0000": "compensating", "job-0001": "compensated"}
    assert await undo_found(opened.journal, differences) == []
    await resume(*steps)
    assert await undo_found(opened.journal, differences) == []  # its history has grown since
    for maker, name in ((provider, "make"), (other, "make_other")):
        assert maker.undone.count(f"{HERE}:default:jobs:job-0000:{name}:0") == 2
        assert maker.undone.count(f"{HERE}:default:jobs:job-0001:{name}:0") == 1
