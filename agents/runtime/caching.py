"""Prefect's cache for single calls of pure agents, keyed by agent, version, source and input."""

import hashlib
import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.context import FlowRunContext, TaskRunContext
from pydantic import TypeAdapter

from agents.runtime.errors import TransientError

if TYPE_CHECKING:
    from agents.runtime.task import Agent

FORMAT = 1  # raise it to forget every cached result


@dataclass
class ByInput(CachePolicy):
    """One key for one agent, version, source and input."""

    agent: str = ""
    version: str = ""
    source: str = ""

    def compute_key(
        self,
        task_ctx: TaskRunContext,  # noqa: ARG002 - Prefect's signature
        inputs: dict[str, Any] | None,
        flow_parameters: dict[str, Any] | None,  # noqa: ARG002 - Prefect's signature
        **_: Any,
    ) -> str:
        """The key of a call, from its inputs as JSON."""
        body = orjson.dumps(
            [FORMAT, self.source, TypeAdapter(Any).dump_python(inputs, mode="json")]
        )
        return f"{self.agent}/{self.version}/{hashlib.sha256(body).hexdigest()}"


@cache
def single_task(agent: "Agent[Any, Any]") -> Callable[..., Coroutine[Any, Any, Any]]:
    """The agent as a coroutine function of one bare payload: a cached task run inside a flow."""

    async def plain(*args: Any, **kwargs: Any) -> Any:
        result = agent.function(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    async def as_json(*args: Any, **kwargs: Any) -> str:
        # A JSON string: Prefect's own decoder would import what foreign data names as a class.
        return agent.encode(await plain(*args, **kwargs))

    as_json.__signature__ = inspect.signature(agent.function)  # type: ignore[attr-defined]
    task = Task(
        as_json,
        name=agent.name,
        version=agent.release,
        cache_policy=_policy(agent),
        persist_result=agent.policy.cached,
        result_serializer="json",
        retries=agent.policy.attempts - 1,
        retry_delay_seconds=agent.policy.backoff,
        retry_jitter_factor=1,
        retry_condition_fn=_is_transient,
    )

    async def call(*args: Any, **kwargs: Any) -> Any:
        if FlowRunContext.get() is None:
            return await plain(*args, **kwargs)
        return agent.decode(await task(*args, **kwargs), agent.release)

    return call


async def _is_transient(_task: Any, _run: Any, state: Any) -> bool:
    return isinstance(await state.result(raise_on_failure=False), TransientError)


def _policy(agent: "Agent[Any, Any]") -> CachePolicy:
    if not agent.policy.cached:
        return NO_CACHE
    source = inspect.getsource(agent.function)
    return ByInput(agent=agent.name, version=agent.release, source=source)
