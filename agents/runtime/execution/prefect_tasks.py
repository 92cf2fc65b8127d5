"""The Prefect tasks of an agent: of its step on a batch, and of a call on a bare payload.

Agents import this module at their first call within a flow run: where there is none, as in a function
of a cloud provider, Prefect is never loaded.
"""

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from prefect import State, Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.context import TaskRunContext
from prefect.states import Completed, Failed

from agents.runtime.errors import TransientError
from agents.runtime.execution.cache_keys import cache_key
from agents.runtime.model.batch import Batch
from agents.runtime.model.policies import Policy

Step = Callable[[Batch], Coroutine[Any, Any, Batch]]


def step_task(
    name: str, version: str, function: Callable[..., Any], step: Step
) -> Task[[Batch], Coroutine[Any, Any, Batch]]:
    """The task of an agent's step on a batch."""
    return Task(
        _task_function(function, step),
        name=name,
        version=version,
        description=inspect.getdoc(function),
        task_run_name=name.replace("_", "-") + ": {batch}",
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=0,
    )


def bare_call_task(
    name: str,
    version: str,
    policy: Policy,
    source: str,
    function: Callable[..., Coroutine[Any, Any, str]],
) -> Task[..., Coroutine[Any, Any, str]]:
    """The task of a call on a bare payload; results of a pure agent come from Prefect's cache."""
    by_input = ByInput(agent=name, version=version, source=source)
    return Task(
        function,
        name=name,
        version=version,
        cache_policy=by_input if policy.cached else NO_CACHE,
        persist_result=policy.cached,
        result_serializer="json",
        retries=policy.attempts - 1,
        retry_delay_seconds=policy.backoff,
        retry_jitter_factor=1,
        retry_condition_fn=_is_transient,
    )


def shared_task(
    name: str, body: Callable[[], Coroutine[Any, Any, tuple[bool, str]]]
) -> Task[[], Coroutine[Any, Any, State]]:
    """The task whose run several batches share; `body` says whether all went well, and what was done."""

    async def shared() -> State:
        well, message = await body()
        return Completed(message=message) if well else Failed(message=message)

    return Task(shared, name=name, task_run_name=name, cache_policy=NO_CACHE, persist_result=False)


@dataclass
class ByInput(CachePolicy):
    """Prefect's cache key of a bare call: made of agent, version, source and input."""

    agent: str = ""
    version: str = ""
    source: str = ""

    def compute_key(
        self,
        task_ctx: TaskRunContext | None,  # noqa: ARG002 - Prefect's signature
        inputs: dict[str, Any] | None,
        flow_parameters: dict[str, Any] | None,  # noqa: ARG002 - Prefect's signature
        **_: Any,
    ) -> str:
        """The key of a call with these inputs."""
        return cache_key(self.agent, self.version, self.source, inputs)


async def _is_transient(_task: Any, _run: Any, state: Any) -> bool:
    return isinstance(await state.result(raise_on_failure=False), TransientError)


def _task_function(function: Callable[..., Any], step: Step) -> Step:
    async def task(batch: Batch) -> Batch:
        return await step(batch)

    task.__name__, task.__qualname__ = function.__name__, function.__qualname__
    task.__doc__, task.__module__ = function.__doc__, function.__module__
    # `fn.__wrapped__` is the bare function; the signature must stay the task's own.
    task.__signature__ = inspect.signature(task)  # type: ignore[attr-defined]  # set, not declared
    task.__wrapped__ = function  # type: ignore[attr-defined]  # set, not declared
    return task
