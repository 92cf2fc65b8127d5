"""Results of pure agents kept by agent, version, source and input: by Prefect, and shared by processes.

Prefect's cache serves single calls inside flows. What a policy says is `shared_for` some time is
also found by the items of a batch and by other processes, through agents/runtime/redis/cache.py.
"""

import hashlib
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import orjson
from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.context import FlowRunContext, TaskRunContext
from pydantic import TypeAdapter

from agents.runtime.errors import TransientError
from agents.runtime.redis.cache import Wanted, near_and_far
from agents.runtime.telemetry import CACHE

if TYPE_CHECKING:
    from agents.runtime.task import Agent

_ANY = TypeAdapter(Any)
FORMAT = 2  # raise it to forget every cached result


@dataclass
class ByInput(CachePolicy):
    """One key for one agent, version, source and input."""

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
        """The key of a call, from its inputs as JSON."""
        body = orjson.dumps(
            [FORMAT, self.source, _ANY.dump_python(inputs, mode="json")],
            option=orjson.OPT_SORT_KEYS,
        )
        return f"{self.agent}/{self.version}/{hashlib.sha256(body).hexdigest()}"


async def shared(
    agent: "Agent[Any, Any]", arguments: Sequence[Any], compute: Callable[[], Awaitable[Any]]
) -> Any:
    """The agent's fact for these arguments: a copy of one stated before, or computed now."""

    async def text() -> str:
        return agent.encode(await compute())

    key = _by_input(agent).compute_key(None, {"arguments": arguments}, None)
    check, keep = partial(agent.decode, version=agent.release), agent.policy.keep
    wanted = Wanted(key, text, check, keep, patience=agent.policy.timeout)
    found, source = await near_and_far.get().get(wanted)
    CACHE.labels(agent.name, agent.release, source).inc()
    return check(found)


@cache
def single_task(agent: "Agent[Any, Any]") -> Callable[..., Coroutine[Any, Any, Any]]:
    """The agent as a coroutine function of one bare payload: a cached task run inside a flow."""

    async def bare(*args: Any, **kwargs: Any) -> Any:
        result = agent.function(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    async def plain(*args: Any, **kwargs: Any) -> Any:
        if not agent.policy.keep:
            return await bare(*args, **kwargs)
        bound = inspect.signature(agent.function).bind(*args, **kwargs)
        return await shared(agent, bound.args, partial(bare, *args, **kwargs))

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
    return _by_input(agent) if agent.policy.cached else NO_CACHE


@cache
def _by_input(agent: "Agent[Any, Any]") -> ByInput:
    source = inspect.getsource(agent.function)
    return ByInput(agent=agent.name, version=agent.release, source=source)
