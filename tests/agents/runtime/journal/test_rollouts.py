"""Rollouts: with which major version new items begin, and who decided so."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.journal.gateway_schema import rollouts
from agents.runtime.journal.rollouts import (
    Bounds,
    Plan,
    Rollout,
    RolloutRefused,
    RolloutState,
    begin,
    latest_of,
    promote,
    roll_back,
)
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import Sender, accept
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import JOBS, new_items, rows
from tests.agents.runtime.versions import BOTH, SECOND

ANN = ("ann", "tried it for a week")


async def accepted(
    opened: Runtime, keys: Sequence[str], tenant: str = "t", sender: Sender | None = None
) -> dict[str, str]:
    """Accept items with these keys; the version of each."""
    sender = sender or Sender.of(tenant, BOTH)
    answers = await accept(opened.journal.database, sender, new_items(keys))
    return {answer.row.key: answer.row.version for answer in answers}


def some_keys(count: int) -> list[str]:
    return [f"key-{n}" for n in range(count)]


def rollout(share: float, tenants: tuple[str, ...] = ()) -> Rollout:
    plan = Plan(2, share, tenants)
    return Rollout(1, "jobs", 1, plan, RolloutState.RUNNING, *ANN, 0.0, 0.0, None)


def chosen(share: float) -> set[str]:
    return {key for key in some_keys(2_000) if rollout(share).major_for("t", key) == 2}


def test_the_share_is_of_the_keys_and_a_higher_one_keeps_them() -> None:
    ten, half = chosen(10), chosen(50)
    assert 150 < len(ten) < 250
    assert 920 < len(half) < 1_080
    assert ten < half
    assert (chosen(0), len(chosen(100))) == (set(), 2_000)
    others = {key for key in some_keys(2_000) if rollout(10).major_for("u", key) == 2}
    assert others != ten, "the same keys of all tenants would be the first each time"


def test_a_tenant_of_the_list_gets_the_candidate_for_all_its_items() -> None:
    found = {t: {rollout(0, ("b",)).major_for(t, k) for k in some_keys(50)} for t in "abc"}
    assert found == {"a": {1}, "b": {2}, "c": {1}}


async def test_new_items_follow_the_rollout_and_begun_ones_stay(opened: Runtime) -> None:
    journal = opened.journal
    assert set((await accepted(opened, ["before"])).values()) == {"1"}
    await begin(journal, BOTH, Plan(2, 30.0), *ANN)
    keys = some_keys(100)
    during = await accepted(opened, keys)
    running = await latest_of(journal.database, "jobs")
    assert running is not None
    assert during == {key: str(running.major_for("t", key)) for key in keys}
    assert set(during.values()) == {"1", "2"}
    await promote(journal, "jobs", *ANN)
    assert set((await accepted(opened, ["promoted"])).values()) == {"2"}
    assert await accepted(opened, keys) == during, "known items keep their version"
    await roll_back(journal, "jobs", *ANN)
    assert set((await accepted(opened, ["rolled back"])).values()) == {"1"}
    assert {row.key: row.version for row in await rows(items) if row.key in during} == during


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_another_process_sees_the_roll_back_at_once(journal_settings: Settings) -> None:
    async with open_runtime(journal_settings) as one, open_runtime(journal_settings) as other:
        await begin(one.journal, BOTH, Plan(2, 100.0), *ANN)
        assert await accepted(other, ["a"]) == {"a": "2"}
        await roll_back(one.journal, "jobs", *ANN)
        assert await accepted(other, ["b"]) == {"b": "1"}


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_process_accepts_no_item_in_a_version_that_it_does_not_have(
    opened: Runtime,
) -> None:
    await begin(opened.journal, BOTH, Plan(2), *ANN)
    await promote(opened.journal, "jobs", *ANN)
    assert await accepted(opened, ["a"], sender=Sender.of("t", JOBS)) == {"a": "1"}
    assert await accepted(opened, ["b"], sender=Sender.of("t", SECOND)) == {"b": "2"}


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_a_share_is_changed_and_the_audit_log_has_each_step(opened: Runtime) -> None:
    journal = opened.journal
    first = await begin(journal, BOTH, Plan(2, 5.0), "ann", "a first look")
    second = await begin(
        journal, BOTH, Plan(2, 50.0, ("t",), Bounds(errors=1.0)), "bob", "so far so good"
    )
    assert (second.id, second.begun_at, second.by) == (first.id, first.begun_at, "bob")
    await promote(journal, "jobs", "ann", "as good as before")
    found = [row.entry for row in await entries(journal, AuditFilter(object="versions of jobs"))]
    assert [(e.act, e.by, e.before.get("share"), e.after["share"]) for e in reversed(found)] == [
        ("rollout", "ann", None, 5.0),
        ("rollout", "bob", 5.0, 50.0),
        ("promote", "ann", 50.0, 50.0),
    ]
    assert [found[0].before["state"], found[0].after["state"]] == ["running", "promoted"]


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_what_makes_no_sense_is_refused_and_changes_nothing(opened: Runtime) -> None:
    journal = opened.journal
    for act in (promote, roll_back):
        with pytest.raises(RolloutRefused, match="there was none yet"):
            await act(journal, "jobs", *ANN)
    with pytest.raises(RolloutRefused, match="does not have version 3; it has 1, 2"):
        await begin(journal, BOTH, Plan(3), *ANN)
    with pytest.raises(RolloutRefused, match="version 1 is the current one already"):
        await begin(journal, BOTH, Plan(1), *ANN)
    for wrong in (-1.0, 101.0, float("nan")):
        with pytest.raises(RolloutRefused, match="share must be 0 to 100"):
            await begin(journal, BOTH, Plan(2, wrong), *ANN)
    with pytest.raises(RolloutRefused, match="slowness must be 1 to 1000"):
        await begin(journal, BOTH, Plan(2, bounds=Bounds(slowness=0.5)), *ANN)
    assert await rows(rollouts) == []
    await begin(journal, BOTH, Plan(2), *ANN)
    await roll_back(journal, "jobs", *ANN)
    with pytest.raises(RolloutRefused, match="no rollout to promote: the last one is rolled_back"):
        await promote(journal, "jobs", *ANN)
    await begin(journal, BOTH, Plan(2), *ANN)
    await promote(journal, "jobs", *ANN)
    with pytest.raises(RolloutRefused, match="version 2 is the current one already"):
        await begin(journal, BOTH, Plan(2), *ANN)
    back = await begin(journal, BOTH, Plan(1, 10.0), *ANN)
    assert (back.current, back.plan.candidate) == (2, 1), "an older version can be a candidate too"


async def test_people_who_act_at_once_do_not_undo_each_other(journal_settings: Settings) -> None:
    async with open_runtime(journal_settings) as one, open_runtime(journal_settings) as other:
        tries = [begin(two.journal, BOTH, Plan(2, 5.0), *ANN) for two in (one, other)]
        begun = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(result) for result in begun} <= {Rollout, RolloutRefused}
        assert len(await rows(rollouts)) == 1
        both = promote(one.journal, "jobs", *ANN), promote(other.journal, "jobs", *ANN)
        ended = await asyncio.gather(*both, return_exceptions=True)
        assert {type(result) for result in ended} == {Rollout, RolloutRefused}
        assert len(await entries(one.journal, AuditFilter(act="promote"))) == 1


@pytest.mark.slow
async def test_a_process_that_is_killed_while_it_promotes_changes_nothing(
    journal_settings: Settings,
) -> None:
    async with open_runtime(journal_settings) as opened:
        await begin(opened.journal, BOTH, Plan(2, 10.0), *ANN)
        command = [sys.executable, "-m", "tests.agents.runtime.journal.promoting_child"]
        killed = await asyncio.to_thread(
            subprocess.run, [*command, journal_settings.journal], check=False
        )
        assert killed.returncode == -signal.SIGKILL
        found = await latest_of(opened.journal.database, "jobs")
        assert found is not None
        assert (found.state, found.by) == (RolloutState.RUNNING, "ann")
        assert len(await entries(opened.journal, AuditFilter(act="promote"))) == 0
        await promote(opened.journal, "jobs", *ANN)
        assert await accepted(opened, ["a"]) == {"a": "2"}
        assert len(await entries(opened.journal, AuditFilter(act="promote"))) == 1
