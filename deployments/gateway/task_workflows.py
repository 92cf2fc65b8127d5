"""Workflows of tasks over HTTP: how their tasks stand, add tasks while one runs, cancel a whole one.

A single task is an item of the workflow `tasks`, with the acts of items. There is no ETag of all tasks: one
that runs changes all the time. With an Idempotency-Key an act is done once, and sent again it gets the
same answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, Field

from agents.runtime.errors import Conflict
from agents.runtime.journal import graph_actions
from agents.runtime.journal.api_requests import KeyReused, RequestKey
from agents.runtime.journal.dependencies import UnknownNeeds
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.model.lifecycle import State
from agents.tasks.adding import add_to
from agents.tasks.models import Task, Workflow, key_of
from agents.tasks.read import BadWorkflow, check
from agents.tasks.scenario import TASKS
from agents.tasks.view import TaskView, UnknownPage, counts_of, is_known, page_of
from deployments.gateway import idempotency
from deployments.gateway.acceptance import queue_room
from deployments.gateway.access import Caller, Principal, Scope, allow
from deployments.gateway.act_forms import ActForm
from deployments.gateway.problems import Problem, invalid_item
from deployments.gateway.tenancy import journal_of
from deployments.gateway.wakes import wake

router = APIRouter(prefix="/task-workflows/{id}", tags=["task workflows"])

OBJECTS = "a workflow of tasks of the caller's tenant"
MAY_ACT = [allow(Scope.ACT, objects=OBJECTS)]
MOST_ADDED, MOST_SHOWN = 1_000, 500
Id = Annotated[str, Path(pattern=r"^[0-9A-Za-z_.#:-]{1,100}$", description="the workflow's name")]
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before")]
Once = Annotated[
    str | None, Header(alias=idempotency.HEADER, description="the act is done once for it")
]


class TaskState(BaseModel):
    """One task: `key` is that of its item."""

    id: str
    key: str
    state: State
    word: str = Field(description="how it stands, such as done, skipped or waits for others")
    reason: str = Field(description="what it waits for, or why it ended so")


class WorkflowState(BaseModel):
    """A workflow of tasks. All of them are counted for the first page only."""

    name: str
    tasks: int = Field(description="how many it has; 0 on later pages")
    counts: dict[str, int] = Field(
        description="by word, how many tasks stand so; empty on later pages"
    )
    shown: list[TaskState] = Field(description="in the order of their ids")
    next: int | None = Field(description="the `after` of the next page; none after the last one")


class AddForm(ActForm):
    """Tasks to add; they may need tasks of the workflow that are done, run or wait."""

    tasks: Annotated[list[Task], Field(min_length=1, max_length=MOST_ADDED)]


class Added(BaseModel):
    """What was added: tasks that were there already are left out."""

    name: str
    added: list[str]


class CancelledWorkflow(BaseModel):
    """How many tasks are cancelled at once, and how many the processes that hold them were asked to stop."""

    name: str
    cancelled: int
    asked_to_stop: int


@router.get("", dependencies=[allow(Scope.READ, Scope.ACT, objects=OBJECTS)])
async def read(
    id: Id,  # noqa: A002 - the name in the path
    principal: Caller,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = MOST_SHOWN,
) -> WorkflowState:
    """How the tasks of a workflow stand."""
    await _require_known(principal, id)
    journal = journal_of(principal)
    try:
        found, following = await page_of(journal, id, after, limit)
    except UnknownPage as error:
        raise Problem(
            422,
            "unknown-cursor",
            str(error),
            "send `next` of the page before as it is",
            field="after",
            rule="unknown-cursor",
        ) from None
    counts = {} if after else await counts_of(journal, id)
    return WorkflowState(
        name=id,
        tasks=sum(counts.values()),
        counts=counts,
        shown=[_state(id, task) for task in found],
        next=following,
    )


@router.post("/tasks", dependencies=MAY_ACT)
async def add_tasks(
    id: Id,  # noqa: A002 - the name in the path
    form: AddForm,
    principal: Caller,
    request: Request,
    idempotency_key: Once = None,
) -> Added:
    """Add tasks to a workflow, also while it runs. One that needs a failed task is cancelled at once."""
    _ = idempotency_key  # declared for the document; read with its own rules
    with refused(id):
        tasks = [task.model_dump() for task in form.tasks]
        workflow = check({"name": id, "tasks": tasks}, open_needs=True)
    added = await add(request, principal, workflow, form, idempotency.key_of(request))
    return Added(name=id, added=added)


@router.post("/cancel", dependencies=MAY_ACT)
async def cancel(
    id: Id,  # noqa: A002 - the name in the path
    form: ActForm,
    principal: Caller,
    request: Request,
    idempotency_key: Once = None,
) -> CancelledWorkflow:
    """Cancel all tasks of a workflow that have not ended; running ones stop within a second or two."""
    _ = idempotency_key
    done = await cancel_all(request, principal, id, form, idempotency.key_of(request))
    return CancelledWorkflow(
        name=id, cancelled=done["cancelled"], asked_to_stop=done["asked to stop"]
    )


async def _require_known(principal: Principal, name: str) -> None:
    if not await is_known(journal_of(principal), name):
        raise Problem(
            404,
            "unknown-workflow",
            f"there is no workflow of tasks {name!r}",
            "look at the list of tasks",
        )


async def add(
    request: Request, principal: Principal, workflow: Workflow, form: ActForm, key: str | None
) -> list[str]:
    """Add the tasks, once for the key; returns the ids of the new ones. Raises Problem."""
    await _require_known(principal, workflow.name)
    await queue_room(request).require(TASKS.name, len(workflow.tasks))
    once = _once(request, principal, form, key)
    with refused(workflow.name):
        added = await add_to(journal_of(principal), workflow, principal.name, form.reason, once)
    wake(request.app, TASKS.name)
    return sorted(added)


async def cancel_all(
    request: Request, principal: Principal, name: str, form: ActForm, key: str | None
) -> dict[str, int]:
    """Cancel what has not ended, once for the key; returns how many. Raises Problem."""
    await _require_known(principal, name)
    action = OperatorAction(TASKS.name, key_of(name, ""), principal.name, form.reason)
    once = _once(request, principal, form, key)
    with refused(name):
        done = await graph_actions.cancel_group(journal_of(principal), action, once)
    wake(request.app, TASKS.name)
    return done


def _once(
    request: Request, principal: Principal, form: ActForm, key: str | None
) -> RequestKey | None:
    content = form.model_dump_json().encode()
    return idempotency.request_key(request, principal, "", key, content) if key else None


@contextmanager
def refused(name: str) -> Iterator[None]:
    """Raise what the tasks are refused for as a Problem."""
    try:
        yield
    except BadWorkflow as error:
        raise invalid_item(error) from None
    except UnknownNeeds as error:
        needed = error.needs.removeprefix(key_of(name, ""))
        raise Problem(
            422,
            "invalid-item",
            str(error),
            f"add {needed} too, or need another task",
            field="tasks",
            rule="unknown",
        ) from None
    except Conflict as error:
        raise Problem(
            409,
            "conflict",
            f"{error.key} is another task in this workflow",
            "give the new task an id of its own",
            more={"key": error.key},
        ) from None
    except KeyReused:
        raise idempotency.reused() from None


def _state(name: str, task: TaskView) -> TaskState:
    return TaskState(
        id=task.id,
        key=key_of(name, task.id),
        state=task.state,
        word=task.word,
        reason=task.reason,
    )
