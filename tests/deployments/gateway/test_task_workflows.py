"""Workflows of tasks over HTTP and in the console: add tasks, skip one or a branch, cancel all, each once."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from agents.runtime.context import runtime
from agents.runtime.journal.audit import AuditFilter, entries
from agents.runtime.journal.dependencies import accept_linked
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import Sender
from agents.tasks.scenario import TASKS
from agents.tasks.submit import needs_of, new_items
from deployments.gateway.access import Scope
from tests.agents.tasks.running import workflow_of
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.console.conftest import HTML
from tests.deployments.gateway.console.test_item_page import hidden
from tests.deployments.gateway.console.test_overview import text_of
from tests.deployments.gateway.item_states import accepted

OTHER = replace(ADMIN, name="eve", tenant="other")
WHY = {"reason": "not needed today"}
CHAIN = {"a": [], "b": ["a"], "c": ["b"], "x": [], "d": ["c", "x"]}


async def begin(name: str = "w", tenant: str = "default") -> None:
    """Accept the tasks of CHAIN."""
    workflow, sender = workflow_of(CHAIN, name), Sender.of(tenant, TASKS)
    journal = runtime().journal
    new = await new_items(journal, workflow)
    await accept_linked(journal.database, sender, new, needs_of(workflow))


async def stand(client: httpx.AsyncClient, name: str = "w") -> dict[str, str]:
    found = (await client.get(f"/task-workflows/{name}")).json()
    return {task["id"]: task["word"] for task in found["shown"]}


async def acts() -> list[tuple[str, str, str]]:
    found = [one.entry for one in await entries(runtime().journal, AuditFilter())]
    return [(one.by, one.act, one.object) for one in reversed(found)]


async def test_a_task_and_a_branch_are_skipped_once(client: httpx.AsyncClient) -> None:
    await begin()
    path = "/v/tasks/w%2Fa"
    page = await client.get(path)
    assert page.json()["can_skip"] is True
    seen = {"if-match": page.headers["etag"]}
    first = await client.post(f"{path}/skip", json=WHY | {"branch": True}, headers=seen)
    assert first.json()["skipped"] == ["w/a", "w/b", "w/c"]
    again = await client.post(f"{path}/skip", json=WHY | {"branch": True}, headers=seen)
    assert again.json() == first.json() | {"repeated": True}
    late = await client.post("/v/tasks/w%2Fx/skip", json=WHY, headers={"if-match": '"7"'})
    assert late.status_code == 412
    assert await stand(client) == dict.fromkeys("abc", "skipped") | {
        "x": "pending",
        "d": "waits for others",
    }
    assert await acts() == [("ann", "skip", "item tasks/w/a")]


async def test_what_a_process_holds_and_what_others_cannot_need_is_not_skipped(
    client: httpx.AsyncClient,
) -> None:
    await begin()
    held = update(items).where(items.c.key == "w/x").values(state="processing", owner="someone")
    async with runtime().journal.database.write() as connection:
        await connection.execute(held)
    refused = await client.post("/v/tasks/w%2Fx/skip", json=WHY)
    assert (refused.status_code, refused.json()["allowed"]) == (409, ["cancel"])
    order = await accepted(client)
    assert (await client.get(order)).json()["can_skip"] is False
    assert (await client.post(f"{order}/skip", json=WHY)).status_code == 409


async def test_tasks_are_added_once(client: httpx.AsyncClient) -> None:
    await begin()
    form: dict[str, Any] = WHY | {"tasks": [{"id": "e", "needs": ["d"]}, {"id": "a"}]}
    key = {"idempotency-key": "k-1"}
    answers = [
        await client.post("/task-workflows/w/tasks", json=form, headers=key) for _ in range(2)
    ]
    assert [one.json() for one in answers] == [{"name": "w", "added": ["e"]}] * 2
    assert (await stand(client))["e"] == "waits for others"
    assert await acts() == [("ann", "add", "workflow w")]
    reused = await client.post(
        "/task-workflows/w/tasks", json=form | {"reason": "another"}, headers=key
    )
    assert (reused.status_code, reused.json()["rule"]) == (422, "reused")


@pytest.mark.parametrize(
    "tasks, status, rule",
    [
        ([{"id": "f", "needs": ["nowhere"]}], 422, "unknown"),
        ([{"id": "f", "needs": ["g"]}, {"id": "g", "needs": ["f"]}], 422, "cycle"),
        ([{"id": "a", "seconds": 9}], 409, ""),
        ([{"id": "f", "kind": "shell"}], 422, ""),
        ([], 422, ""),
    ],
)
async def test_tasks_that_do_not_fit_are_refused_with_the_rule(
    client: httpx.AsyncClient, tasks: list[dict[str, Any]], status: int, rule: str
) -> None:
    await begin()
    answer = await client.post("/task-workflows/w/tasks", json=WHY | {"tasks": tasks})
    assert answer.status_code == status, answer.text
    assert not rule or answer.json()["rule"] == rule
    assert (await stand(client)).keys() == CHAIN.keys()
    assert await acts() == []


async def test_a_workflow_is_cancelled_once(client: httpx.AsyncClient) -> None:
    await begin()
    await begin("v")
    key = {"idempotency-key": "k-2"}
    answers = [
        await client.post("/task-workflows/w/cancel", json=WHY, headers=key) for _ in range(2)
    ]
    assert [one.json() for one in answers] == [
        {"name": "w", "cancelled": 5, "asked_to_stop": 0}
    ] * 2
    assert set((await stand(client)).values()) == {"cancelled"}
    assert "cancelled" not in (await stand(client, "v")).values()
    assert await acts() == [("ann", "cancel", "items tasks/w/*")]


async def test_workflows_of_other_tenants_do_not_exist(
    client: httpx.AsyncClient, connect: Connect
) -> None:
    await begin()
    other, reader = (
        connect(OTHER),
        connect(replace(ADMIN, name="r", scopes=frozenset({Scope.READ}))),
    )
    for path, form in (("tasks", WHY | {"tasks": [{"id": "z"}]}), ("cancel", WHY)):
        answer = await other.post(f"/task-workflows/w/{path}", json=form)
        assert answer.status_code == 404, answer.text
        assert (await reader.post(f"/task-workflows/w/{path}", json=form)).status_code == 403
    assert (await other.get("/task-workflows/w")).status_code == 404
    page = (await reader.get("/task-workflows/w?limit=2")).json()
    assert ([one["id"] for one in page["shown"]], page["tasks"]) == (["a", "b"], 5)
    assert "cancelled" not in (await stand(client)).values()


async def test_tasks_are_read_page_by_page_and_counted_once(client: httpx.AsyncClient) -> None:
    await begin()
    await begin("v")
    pages = [(await client.get("/task-workflows/w?limit=2")).json()]
    while (after := pages[-1]["next"]) is not None:
        pages.append((await client.get(f"/task-workflows/w?limit=2&after={after}")).json())
    assert [[task["id"] for task in page["shown"]] for page in pages] == [
        ["a", "b"],
        ["c", "d"],
        ["x"],
    ]
    assert [page["tasks"] for page in pages] == [5, 0, 0]
    assert [page["counts"] for page in pages] == [{"pending": 2, "waits for others": 3}, {}, {}]
    wrong = await client.get(f"/task-workflows/v?after={pages[0]['next']}")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "after")
    shown = await client.get(
        f"/console/task-workflows/w?after={pages[0]['next']}", headers={"accept": HTML}
    )
    assert "First page" in text_of(shown)


async def test_the_console_has_the_same_acts(client: httpx.AsyncClient) -> None:
    await begin()
    client.headers["accept"] = HTML
    item = await client.get("/console/items/tasks/w%2Fb")
    assert "Waits for w/a since" in text_of(item)
    assert "Skip…" in text_of(item)
    skip = hidden(item, 'value="skip"') | WHY | {"branch": "on"}
    await client.post("/console/acts/tasks/w%2Fb", data=skip)
    page = await client.get("/console/task-workflows/w")
    for words in ("5 tasks:", "2 pending", "1 waits for others", "2 skipped"):
        assert words in text_of(page)
    more = "tasks:\n  - {id: plot, needs: [d]}\n"
    add = hidden(page, "textarea") | WHY | {"tasks": more}
    for _ in range(2):
        done = await client.post("/console/task-workflows/w/tasks", data=add)
        assert done.headers["location"] == "/console/task-workflows/w"
    wrong = await client.post(
        "/console/task-workflows/w/tasks", data=add | {"tasks": "name: other\ntasks: [{id: q}]"}
    )
    assert wrong.status_code == 422
    cancel = hidden(page, "Cancel the workflow") | WHY
    await client.post("/console/task-workflows/w/cancel", data=cancel)
    text = text_of(await client.get("/console/task-workflows/w"))
    assert "6 tasks:" in text
    assert "4 cancelled" in text
    assert [act for _, act, _ in await acts()] == ["skip", "add", "cancel"]
