"""The class Agent: a function that is a Prefect task in a flow, with its arguments, facts, keys and cache."""

import hashlib
import inspect
import sys
import types
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial, update_wrapper
from typing import (
    TYPE_CHECKING,
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
)

from pydantic import TypeAdapter

from agents.runtime.context import runtime, shared_cache
from agents.runtime.execution.cache_keys import cache_key
from agents.runtime.metrics import CACHE
from agents.runtime.model.batch import Batch
from agents.runtime.model.item import Decision, Item
from agents.runtime.model.policies import Policy, Settle
from agents.runtime.model.upcasting import Upcasts, read
from agents.runtime.provided import PROVIDED
from agents.runtime.redis.shared_cache import Wanted
from agents.runtime.run_context import in_flow_run, task_run_context
from agents.runtime.scheduling.reservations import BadAmount, checked

if TYPE_CHECKING:
    from prefect import Task

P = ParamSpec("P")
R = TypeVar("R")
LONGEST_KEY = 200  # at most 255 at Stripe, and agents append to it: `<key>:refund`

EffectKey = NewType("EffectKey", str)
"""Annotates the parameter that takes the idempotency key of the agent's own effect."""

UndoneKey = NewType("UndoneKey", str)
"""Annotates the parameter of a compensation that takes the key of the effect it undoes."""

Reference = NewType("Reference", str)
"""Annotates the parameter that takes the name of the item at outside systems."""

BegunAt = NewType("BegunAt", float)
"""Annotates the parameter that takes the time of the item's first intent, in seconds since 1970."""

AGENTS: dict[str, "Agent[Any, Any]"] = {}

Takes = Mapping[str, float] | Callable[..., Mapping[str, float]]
"""Amounts by the names of resources, or a function with the parameters of an agent that returns them."""

Run = Callable[["Agent[Any, Any]", Batch], Coroutine[Any, Any, Batch]]


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments of `@agent`."""

    policy: Policy
    version: str
    undo: "Agent[Any, Any] | None"
    settle: Settle | None
    batched: bool
    outbox: bool
    upcasts: Upcasts
    takes: Takes | None
    cheaper: "Agent[Any, Any] | None"


class Agent(Generic[P, R]):
    """Takes batches through `function`. The type of each parameter says what the function gets.

    The first parameter is the item's payload. Each other one is a fact that an earlier agent stated
    (`X | None` if it may be missing), a service of `provide`, an EffectKey or UndoneKey, or the
    `Decision | None` of an operator, whom the agent asks by raising Parked. `run` processes a batch.
    In a flow run each call is a run of `task`.
    """

    def __init__(self, function: Callable[P, Any], options: Options, run: Run) -> None:
        _check(function, options)
        update_wrapper(self, function)
        self.function, self._run = function, run
        self.name, self.version = function.__name__, options.version
        self.policy, self.settle, self.undo = options.policy, options.settle, options.undo
        self.batched, self.outbox, self.upcasts = options.batched, options.outbox, options.upcasts
        self.takes: Takes | None = options.takes
        self.cheaper: Agent[Any, Any] | None = options.cheaper
        self.undoes: list[str] = []
        if self.undo is not None:
            self.undo.undoes.append(self.name)
        if AGENTS.setdefault(self.name, self).function.__module__ != function.__module__:
            raise ValueError(f"two agents are named {self.name!r}: steps are journalled by name")
        AGENTS[self.name] = self

    def __call__(self, batch: Batch, /) -> Coroutine[Any, Any, Batch]:
        """Run the agent on a batch and journal every outcome; returns the items that go on.

        Inside a flow this is a task run. Outside of a flow it is a plain call that needs no server,
        and so it is within a task run: steps of few items share one where latency matters.
        Raises TypeError if `batch` is not a Batch.
        """
        if not isinstance(batch, Batch):
            raise TypeError(f"{self.name} takes a Batch; {self.name}.call() takes a bare payload")
        has_work = batch.count > 0 or (self.outbox and bool(batch.context.ended))
        if has_work and in_flow_run() and task_run_context() is None:
            return self.task(batch, wait_for=batch.after)
        return self.step(batch)

    def step(self, batch: Batch) -> Coroutine[Any, Any, Batch]:
        """Run the agent on a batch as `__call__` does, without a task run of its own."""
        return self._run(self, batch)

    @cached_property
    def task(self) -> "Task[[Batch], Coroutine[Any, Any, Batch]]":
        """The Prefect task of its step on a batch."""
        from agents.runtime.execution.prefect_tasks import (  # noqa: PLC0415 - loads Prefect
            step_task,
        )

        return step_task(self.name, self.version, self.function, self.step)

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run the function once on a bare payload, without the journal.

        Inside a flow this is a task run, and results of a pure agent come from Prefect's cache.
        Raises TypeError for an effect.
        """
        if self.policy.effect:
            raise TypeError(
                f"{self.name} is an effect: call it on a batch, never on a bare payload"
            )
        return self._call_bare(*args, **kwargs)

    def key(self, item: Item, occurrence: int, generation: int = 0) -> str:
        """The idempotency key of this effect: the same in every process and at every attempt.

        It begins with the installation. It has another `generation` only after certainly nothing
        happened under the keys before it.
        """
        installation = runtime().journal.installation
        name = f"{item.tenant}:{item.scenario}:{item.key}:{self.name}:{occurrence}"
        name += f".{generation}" if generation else ""
        if len(installation) + 1 + len(name) > LONGEST_KEY or not name.isascii():
            name = hashlib.sha256(name.encode()).hexdigest()
        return f"{installation}:{name}"

    def arguments(
        self,
        item: Item,
        key: str,
        function: Callable[..., Any] | None = None,
        given: Mapping[Any, object] | None = None,
    ) -> list[Any]:
        """The arguments for this item: of the agent's function, or of `function`, such as a look-up.

        `given` adds values by type. Raises TypeError for a type that no agent before this one has
        stated and that `provide` does not have.
        """
        parameters = self.parameters if function is None else _parameters(function)
        facts, find = item.facts if given is None else {**item.facts, **given}, self._argument
        # Runs once per item: a list is faster than a generator, and most arguments are plain facts.
        return [item.payload, *[facts[k] if k in facts else find(item, key, k) for k in parameters]]

    def needs(self, item: Item, key: str) -> dict[str, float]:
        """The resources that a step of this agent takes for the item. Raises BadAmount."""
        takes = self.takes
        if callable(takes):
            takes = takes(*self.arguments(item, key, takes))
        return checked(takes or {})

    def columns(self, rows: Sequence[list[Any]]) -> list[Any]:
        """The arguments of a batched function: a list for each fact, and each service once."""
        kinds = [list, *(get_origin(kind) for kind in self.parameters)]
        pairs = zip(kinds, zip(*rows, strict=True), strict=True)
        return [list(column) if kind is list else column[0] for kind, column in pairs]

    @cached_property
    def is_plain(self) -> bool:
        """Whether a call only runs a plain function: no effect, batch, process, cache or coroutine."""
        policy = self.policy
        special = policy.effect or policy.process or policy.cache_seconds or self.batched
        return not special and not inspect.iscoroutinefunction(self.function)

    @property
    def longest(self) -> float:
        """Seconds that one call may take, whatever is learned."""
        policy = self.policy
        return policy.ceiling if policy.timeout is None else policy.timeout

    @cached_property
    def module(self) -> str:
        """The module from which another process imports the agent, also under `python -m`."""
        module = self.function.__module__
        spec = sys.modules[module].__spec__
        return module if spec is None else spec.name

    async def cached(self, arguments: Sequence[Any], compute: Callable[[], Awaitable[Any]]) -> Any:
        """The fact for these arguments: a copy from the shared cache, or else computed now."""

        async def text() -> str:
            return self.encode(await compute())

        key = cache_key(self.name, self.version, self.source, {"arguments": arguments})
        check, policy = partial(self.decode, version=self.version), self.policy
        wanted = Wanted(key, text, check, policy.cache_seconds, wait_seconds=self.longest)
        found, source = await shared_cache().get(wanted)
        CACHE.labels(self.name, self.version, source).inc()
        return check(found)

    def packed(self, arguments: list[Any]) -> str:
        """The arguments of a call as JSON, for another process."""
        return self._call_adapters[0].dump_json(tuple(arguments)).decode()

    def call_packed(self, arguments: str) -> str:
        """Call the function with arguments of `packed`; returns its result as JSON."""
        (taken, returned), function = self._call_adapters, cast("Callable[..., Any]", self.function)
        return returned.dump_json(function(*taken.validate_json(arguments))).decode()

    def unpacked(self, returned: str) -> Any:
        """The result of `call_packed`, read from JSON."""
        return self._call_adapters[1].validate_json(returned)

    def encode(self, fact: object) -> str:
        """A fact as JSON for the journal."""
        return self._to_json(fact).decode()

    def decode(self, output: str | None, version: str) -> Any:
        """The fact from JSON that the given version of the agent wrote. Raises Unreadable."""
        return read(self.fact_adapter, output or "null", version, self.version, self.upcasts)

    @cached_property
    def parameters(self) -> list[Any]:
        """The types of what the function takes beside the payload."""
        return _parameters(self.function)

    @property
    def stated(self) -> Any:
        """The type of the fact that it states about one item."""
        returned = get_type_hints(self.function).get("return", Any)
        return get_args(returned)[0] if self.batched else returned

    @cached_property
    def _call_adapters(self) -> tuple[TypeAdapter[Any], TypeAdapter[Any]]:
        """Adapters of the function's arguments, as one tuple, and of its result."""
        hints = get_type_hints(self.function)
        taken = [hints[name] for name in inspect.signature(self.function).parameters]
        arguments: Any = types.GenericAlias(tuple, tuple(taken))
        return TypeAdapter(arguments), TypeAdapter(hints["return"])

    @cached_property
    def fact_adapter(self) -> TypeAdapter[Any]:
        """Reads and writes the fact of one item."""
        return TypeAdapter(self.stated)

    @cached_property
    def _to_json(self) -> Callable[[object], bytes]:
        return (
            self.fact_adapter.serializer.to_json
        )  # without the arguments that `dump_json` passes on

    @cached_property
    def source(self) -> str:
        """The source of the function, which is a part of cache keys."""
        return inspect.getsource(self.function)

    def _argument(self, item: Item, key: str, kind: Any) -> Any:
        if kind is EffectKey:
            return key
        if kind in OF_ITEM:
            return OF_ITEM[kind](self, item)
        if kind in (services := PROVIDED.get()):
            return services[kind]
        if Decision in get_args(kind):
            return item.decision_for(self.name)
        if get_origin(kind) in {Union, types.UnionType}:
            return next((item.facts[k] for k in get_args(kind) if k in item.facts), None)
        if self.batched:
            (kind,) = get_args(kind)
        if kind not in item.facts:
            raise TypeError(
                f"{self.name} needs a {_name_of(kind)}, which no agent before it stated "
                "and no service provides"
            )
        return item.facts[kind]

    @cached_property
    def _call_bare(self) -> Callable[..., Coroutine[Any, Any, Any]]:
        """The function as a coroutine function of one bare payload, for `call`."""

        async def plain(*args: Any, **kwargs: Any) -> Any:
            result = self.function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        async def once(*args: Any, **kwargs: Any) -> Any:
            if not self.policy.cache_seconds:
                return await plain(*args, **kwargs)
            bound = inspect.signature(self.function).bind(*args, **kwargs)
            return await self.cached(bound.args, partial(plain, *args, **kwargs))

        async def as_json(*args: Any, **kwargs: Any) -> str:
            # A JSON string, since Prefect's decoder would import a class that foreign data names.
            return self.encode(await once(*args, **kwargs))

        as_json.__signature__ = inspect.signature(self.function)  # type: ignore[attr-defined]

        @cache
        def task() -> "Task[..., Coroutine[Any, Any, str]]":
            from agents.runtime.execution.prefect_tasks import (  # noqa: PLC0415 - loads Prefect
                bare_call_task,
            )

            source = self.source if self.policy.cached else ""
            return bare_call_task(self.name, self.version, self.policy, source, as_json)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if not in_flow_run():
                return await once(*args, **kwargs)
            return self.decode(await task()(*args, **kwargs), self.version)

        return call


def _undone_key(agent: Agent[Any, Any], item: Item) -> str:
    undone = [effect for (name, _), effect in item.effects.items() if name in agent.undoes]
    return min(undone, key=lambda effect: effect.intended_at).key


OF_ITEM: dict[Any, Callable[[Agent[Any, Any], Item], Any]] = {
    UndoneKey: _undone_key,
    Reference: lambda _agent, item: item.reference(runtime().journal.installation),
    BegunAt: lambda _agent, item: item.begun_at,
}


def _parameters(function: Callable[..., Any]) -> list[Any]:
    hints = get_type_hints(function)
    names = list(inspect.signature(function).parameters)[1:]
    return [hints[name] for name in names]


def _name_of(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


def _check(function: Callable[..., Any], options: Options) -> None:
    name, effect = function.__name__, options.policy.effect
    if effect and options.settle is None:
        raise TypeError(f"{name} is an effect: settle= must say how an unknown outcome is settled")
    if not effect and (options.settle is not None or options.undo is not None):
        raise TypeError(f"{name} is not an effect: settle= and undo= do not apply")
    if options.batched and options.policy.cache_seconds:
        raise TypeError(f"{name} is batched: its results cannot be shared, remove cached_for()")
    if effect and options.batched:
        raise TypeError(f"{name} is an effect: it takes one item at a time, remove batched=True")
    if options.policy.process:
        _check_process(function)
    if options.takes is not None:
        _check_takes(name, options.takes, outbox=options.outbox)
    if options.cheaper is not None:
        _check_cheaper(function, options, options.cheaper)


def _check_cheaper(
    function: Callable[..., Any], options: Options, cheaper: Agent[Any, Any]
) -> None:
    name, other = function.__name__, cheaper.name
    if options.takes is None:
        raise TypeError(f"{name} takes nothing: {other} would never run instead")
    if options.policy.effect or cheaper.policy.effect or options.batched or cheaper.batched:
        raise TypeError(f"{name}: effects and batched agents have no cheaper version")
    if cheaper.takes is not None:
        raise TypeError(f"{other} runs where a budget is used up: it must take nothing")
    stated = [get_type_hints(one).get("return") for one in (function, cheaper.function)]
    if stated[0] != stated[1]:
        raise TypeError(f"{name} and its cheaper version {other} must state the same fact")


def _check_takes(name: str, takes: Takes, *, outbox: bool) -> None:
    if outbox:
        raise TypeError(f"{name} sends notices of items that have ended: it takes no resources")
    if not callable(takes):
        try:
            checked(takes)
        except BadAmount as error:
            raise TypeError(f"{name}: takes=: {error}") from None


def _check_process(function: Callable[..., Any]) -> None:
    name, module = function.__name__, sys.modules[function.__module__]
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} runs in a process of its own: it must be a plain function")
    if "<locals>" in function.__qualname__ or (
        module.__name__ == "__main__" and not module.__spec__
    ):
        raise TypeError(f"{name} runs in a process of its own: define it at the top of a module")
