"""An agent as an object: a Prefect task around a function, with all that the runtime asks of it."""

import hashlib
import inspect
import sys
import types
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import cached_property
from typing import (
    Any,
    Generic,
    NewType,
    ParamSpec,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TaskRunContext
from pydantic import TypeAdapter

from agents.runtime.batch import Batch, Decision, Item
from agents.runtime.caching import single_task
from agents.runtime.policies import Policy, Settle
from agents.runtime.upcasting import Upcasts, read

P = ParamSpec("P")
R = TypeVar("R")
LONGEST_KEY = 255

EffectKey = NewType("EffectKey", str)
"""Annotates the parameter that takes the idempotency key of the agent's own effect."""

UndoneKey = NewType("UndoneKey", str)
"""Annotates the parameter of a compensation that takes the key of the effect it undoes."""

AGENTS: dict[str, "Agent[Any, Any]"] = {}

Run = Callable[["Agent[Any, Any]", Batch], Coroutine[Any, Any, Batch]]


@dataclass(frozen=True, slots=True)
class Options:
    """What `@agent` was told."""

    policy: Policy
    version: str
    undo: "Agent[Any, Any] | None"
    settle: Settle | None
    batched: bool
    outbox: bool
    upcasts: Upcasts


class Agent(Task[[Batch], Batch], Generic[P, R]):
    """A Prefect task around `function`; what it may ask for beyond the payload it names by type.

    The first parameter is the item's payload. The others are facts that agents before it stated,
    by their types (`X | None` where it may be missing), an EffectKey or UndoneKey, or the
    `Decision | None` of a person whom the agent asked by raising Parked. `run` takes a batch
    through it.
    """

    def __init__(self, function: Callable[P, Any], options: Options, run: Run) -> None:
        _check(function, options)
        self.function = function
        self.policy, self.settle, self.undo = options.policy, options.settle, options.undo
        self.batched, self.outbox, self.upcasts = options.batched, options.outbox, options.upcasts
        self.undoes: list[str] = []
        super().__init__(
            fn=_task_function(self, run),  # type: ignore[arg-type]  # Prefect types sync functions only
            name=function.__name__,
            version=options.version,
            description=inspect.getdoc(function),
            task_run_name=function.__name__.replace("_", "-") + ": {batch}",
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=0,
        )
        self.release = options.version
        if self.undo is not None:
            self.undo.undoes.append(self.name)
        if AGENTS.setdefault(self.name, self).function.__module__ != function.__module__:
            raise ValueError(f"two agents are named {self.name!r}: stages are journalled by name")
        AGENTS[self.name] = self

    @overload  # type: ignore[override]  # a bare payload is more than Prefect's tasks take
    def __call__(self, subject: Batch, /) -> Coroutine[Any, Any, Batch]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take a batch through the journal; or run once for a bare payload, if there is no effect.

        Inside a flow both are task runs; outside of one, plain calls that need no server. So are
        those within a task run: stages of few items may share one, where latency counts.
        """
        if args and isinstance(args[0], Batch):
            alone = FlowRunContext.get() is not None and TaskRunContext.get() is None
            shown = alone and self._has_work(args[0])
            return super().__call__(args[0]) if shown else self.fn(args[0])
        if self.policy.effect:
            raise TypeError(
                f"{self.name} changes the world: call it on a batch, never on a bare item"
            )
        return single_task(self)(*args, **kwargs)

    def _has_work(self, batch: Batch) -> bool:
        return batch.count > 0 or (self.outbox and bool(batch.lineage.ended))

    def key(self, item: Item, occurrence: int) -> str:
        """The idempotency key of this effect: the same in every process and at every attempt."""
        key = f"{item.tenant}:{item.scenario}:{item.key}:{self.name}:{occurrence}"
        if len(key) <= LONGEST_KEY and key.isascii():
            return key
        return hashlib.sha256(key.encode()).hexdigest()

    def arguments(
        self, item: Item, key: str, function: Callable[..., Any] | None = None
    ) -> list[Any]:
        """What the function is called with for this item. Raises TypeError for a missing fact."""
        parameters = self._parameters if function is None else _parameters(function)
        facts, ask = item.facts, self._argument
        # A list, not a generator, and a call for what is no plain fact only: it is done per item.
        return [item.payload, *[facts[k] if k in facts else ask(item, key, k) for k in parameters]]

    @cached_property
    def is_plain(self) -> bool:
        """Whether a call is the function and nothing more: no effect, batch, process or cache."""
        policy = self.policy
        more = policy.effect or policy.process or policy.keep or self.batched
        return not more and not inspect.iscoroutinefunction(self.function)

    @cached_property
    def _parameters(self) -> list[Any]:
        return _parameters(self.function)

    def packed(self, arguments: list[Any]) -> str:
        """What the function is to be called with, as JSON for another process."""
        return self._packing[0].dump_json(tuple(arguments)).decode()

    def call_packed(self, arguments: str) -> str:
        """Call the function in that process; what it returns, as JSON."""
        (taken, returned), function = self._packing, cast("Callable[..., Any]", self.function)
        return returned.dump_json(function(*taken.validate_json(arguments))).decode()

    def unpacked(self, returned: str) -> Any:
        """What `call_packed` returned, back here."""
        return self._packing[1].validate_json(returned)

    @cached_property
    def _packing(self) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
        hints = get_type_hints(self.function)
        taken = [hints[name] for name in inspect.signature(self.function).parameters]
        together: Any = types.GenericAlias(tuple, tuple(taken))
        return TypeAdapter(together), TypeAdapter(hints["return"])

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        returned = get_type_hints(self.function).get("return", Any)
        if self.batched:
            (returned,) = get_args(returned)
        return TypeAdapter(returned)

    def encode(self, fact: object) -> str:
        """A fact as JSON for the journal."""
        return self._adapter.dump_json(fact).decode()

    def decode(self, output: str | None, version: str) -> Any:
        """The fact back from the journal, where this version stated it. Raises Unreadable."""
        return read(self._adapter, output or "null", version, self.release, self.upcasts)

    def _argument(self, item: Item, key: str, kind: Any) -> Any:
        if kind is EffectKey:
            return key
        if kind is UndoneKey:
            made = [item.effects[p] for p in item.effects if p[0] in self.undoes]
            return min(made, key=lambda effect: effect.intended_at).key
        if Decision in get_args(kind):
            return item.decided(self.name)
        if get_origin(kind) in {Union, types.UnionType}:
            return next((item.facts[k] for k in get_args(kind) if k in item.facts), None)
        if self.batched:
            (kind,) = get_args(kind)
        if kind not in item.facts:
            raise TypeError(f"{self.name} needs a {kind.__name__}, which no agent before it stated")
        return item.facts[kind]


def _task_function(
    agent: Agent[Any, Any], run: Run
) -> Callable[[Batch], Coroutine[Any, Any, Batch]]:
    async def take(batch: Batch) -> Batch:
        return await run(agent, batch)

    function = agent.function
    take.__name__, take.__qualname__ = function.__name__, function.__qualname__
    take.__doc__, take.__module__ = function.__doc__, function.__module__
    # `fn.__wrapped__` is the bare function; the signature must stay the task's own.
    take.__signature__ = inspect.signature(take)  # type: ignore[attr-defined]  # set, not declared
    take.__wrapped__ = function  # type: ignore[attr-defined]  # set, not declared
    return take


def _parameters(function: Callable[..., Any]) -> list[Any]:
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)[1:]
    return [hints[name] for name in names]


def _check(function: Callable[..., Any], options: Options) -> None:
    name, effect = function.__name__, options.policy.effect
    if effect and options.settle is None:
        raise TypeError(f"{name} is an effect: say settle=, how an unknown outcome is settled")
    if not effect and (options.settle is not None or options.undo is not None):
        raise TypeError(f"{name} has no effect: settle= and undo= do not apply")
    if options.batched and options.policy.keep:
        raise TypeError(f"{name} takes many items in one call: its results cannot be shared")
    if effect and options.batched:
        raise TypeError(f"{name} is an effect: it takes one item at a time, so each fails alone")
    if options.policy.process:
        _check_process(function)


def _check_process(function: Callable[..., Any]) -> None:
    name, module = function.__name__, sys.modules[function.__module__]
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} runs in a process of its own: make it a plain function")
    if "<locals>" in function.__qualname__ or (
        module.__name__ == "__main__" and not module.__spec__
    ):
        raise TypeError(f"{name} runs in a process of its own: put it on the top level of a module")
