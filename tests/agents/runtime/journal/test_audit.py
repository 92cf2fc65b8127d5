"""The audit log has each act with who, why, before and after, or the act did not happen."""

import orjson
import pytest
from sqlalchemy import text

from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.journal import audit, gateway_schema
from agents.runtime.journal.audit import AuditEntry, AuditFilter, changed_fields
from agents.runtime.journal.operator_actions import (
    OperatorAction,
    cancel,
    decide,
    discard,
    edit,
    expire,
    mend,
    replay,
    restart,
)
from agents.runtime.journal.queue_admin import RateLimit, limit_rate, move, pause, resume
from agents.runtime.model.scenario import Correction, hash_of
from tests.agents.runtime.jobs import JOBS, Job, Provider, batch_of, effect_of, rows, run
from tests.agents.runtime.journal.operators import ONE, Question, action, plan_outage
from tests.agents.runtime.journal.test_fair_queueing import send

pytestmark = pytest.mark.usefixtures("no_waits")


async def logged(opened: Runtime, **wanted: str) -> list[AuditEntry]:
    """The entries, the oldest first."""
    found = await audit.entries(opened.journal, AuditFilter(**wanted))  # type: ignore[arg-type]
    return [row.entry for row in reversed(found)]


async def test_acts_on_an_item_are_in_the_log(opened: Runtime) -> None:
    question = Question()
    await run(ONE, question.agent)
    corrected = orjson.dumps({"key": "one", "n": 7, "text": ""}).decode()
    await edit(opened.journal, action(), Correction(JOBS, corrected))
    await run(ONE, question.agent)
    await decide(opened.journal, action(by="bob", reason="why not"), approved=True)
    edited, decided = await logged(opened, object="item jobs/one")
    assert (edited.by, edited.act, edited.reason) == ("ann", "edit", "had a look")
    assert (edited.before["fields"], edited.after["fields"]) == ({"n": 0}, {"n": 7})
    assert edited.after["body"] == hash_of(corrected)
    assert (decided.by, decided.act, decided.before) == ("bob", "decide", {"state": "waiting"})
    assert decided.after == {"state": "pending", "verdict": "approved", "agent": "ask"}


async def test_acts_on_dead_letters_are_in_the_log(opened: Runtime, provider: Provider) -> None:
    step = effect_of(provider)
    for key in ("one", "two"):
        plan_outage(provider, key)
    await run([Job(key="one"), Job(key="two")], step)
    corrected = orjson.dumps({"key": "one", "n": 7, "text": ""}).decode()
    await mend(opened.journal, action(), Correction(JOBS, corrected))
    assert await replay(opened.journal, action())
    assert not await replay(opened.journal, action()), "nothing happens, and nothing is logged"
    await restart(opened.journal, action("two"), "make")
    await cancel(opened.journal, action("two"))
    with pytest.raises(IllegalTransition):
        await discard(opened.journal, action("two"))
    assert [(entry.act, entry.object) for entry in await logged(opened)] == [
        ("mend", "item jobs/one"),
        ("replay", "item jobs/one"),
        ("restart", "item jobs/two"),
        ("cancel", "item jobs/two"),
    ]


async def test_acts_on_queues_are_in_the_log(opened: Runtime) -> None:
    await send(opened, opened.journal.tenant, 1)
    await pause(opened.journal, "jobs", "ann", "stocktaking")
    await resume(opened.journal, "jobs", "ben", "it is done")
    await limit_rate(opened.journal, "jobs", RateLimit(5.0, 2), "ann", "a campaign")
    await limit_rate(opened.journal, "jobs", RateLimit(None), "ann", "its end")
    await move(opened.journal, action("default-normal-0"), "front")
    paused, resumed, limited, freed, moved = await logged(opened)
    assert (paused.before, paused.after) == ({"paused": False}, {"paused": True})
    assert (resumed.by, resumed.before, resumed.object) == ("ben", {"paused": True}, "queue jobs")
    assert (limited.before["per_second"], limited.after["per_second"]) == (None, 5.0)
    assert (freed.before["burst"], freed.after["per_second"]) == (2, None)
    assert (moved.act, moved.after["to"]) == ("move", "front")


async def test_what_the_runtime_does_by_itself_is_in_the_history_alone(opened: Runtime) -> None:
    await run(ONE, Question().agent)
    late = OperatorAction("jobs", "one", "reconciler", "too late", automatic=True)
    await expire(opened.journal, late)
    assert await logged(opened) == []


async def test_a_request_to_cancel_a_held_item_is_in_the_log(opened: Runtime) -> None:
    await batch_of(ONE)
    await cancel(opened.journal, action())
    (entry,) = await logged(opened)
    assert entry.after == {"state": "processing", "cancel_requested": True}


async def test_an_act_that_fails_leaves_no_entry_and_an_entry_that_fails_no_act(
    opened: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(ONE, Question().agent)

    async def full(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(audit, "write", full)
    with pytest.raises(OSError, match="full"):
        await decide(opened.journal, action(), approved=True)
    monkeypatch.undo()
    await decide(opened.journal, action(), approved=True)
    with pytest.raises(IllegalTransition):
        await decide(opened.journal, action(), approved=True)
    assert len(await logged(opened)) == 1


async def test_a_list_is_read_along_an_index_page_by_page(opened: Runtime) -> None:
    async with opened.journal.database.write() as connection:
        for number in range(25):
            tenant = "other" if number % 5 == 0 else opened.journal.tenant
            act = "edit" if number % 2 else "cancel"
            entry = AuditEntry(tenant, "ann", act, f"item jobs/{number}", "a reason")
            await audit.write(connection, entry)
    seen: list[str] = []
    after = None
    while page := await audit.entries(opened.journal, AuditFilter(act="edit"), after, most=3):
        seen += [row.entry.object for row in page]
        after = page[-1].at, page[-1].id
    assert seen == [f"item jobs/{n}" for n in reversed(range(25)) if n % 2 and n % 5]
    if opened.journal.database.is_sqlite:
        query = "EXPLAIN QUERY PLAN SELECT * FROM audit WHERE tenant='a' AND act='b' ORDER BY at DESC, id DESC"
        async with opened.journal.database.read() as connection:
            plan = " ".join(row.detail for row in await connection.execute(text(query)))
        assert "audit_act" in plan
        assert "B-TREE" not in plan


def test_the_fields_of_an_edit_are_shown_without_personal_data() -> None:
    before = {"lines": [{"sku": "A"}], "address": {"line1": "1 High Street"}, "note": "x"}
    after = {"lines": [{"sku": "B"}, {"sku": "C"}], "address": {"line1": "2 Low Road"}}
    was, will = changed_fields(*(orjson.dumps(body).decode() for body in (before, after)))
    assert was == {"lines[0].sku": "A", "address.line1": "[redacted]", "note": "x"}
    assert will == {"lines[0].sku": "B", "lines[1].sku": "C", "address.line1": "[redacted]"}


async def test_rows_hold_json(opened: Runtime) -> None:
    async with opened.journal.database.write() as connection:
        await audit.write(connection, AuditEntry("t", "ann", "edit", "item a/b", "", {"a": 1}))
    (row,) = await rows(gateway_schema.audit)
    assert (orjson.loads(row.before), orjson.loads(row.after)) == ({"a": 1}, {})
