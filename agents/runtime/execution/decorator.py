"""`@agent`: makes a function an agent, a Prefect task that processes batches of work items."""

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from agents.runtime.execution.agent import Agent, Options, Takes
from agents.runtime.execution.outbox import deliver
from agents.runtime.execution.step import run_step
from agents.runtime.model.policies import Policy, Settle
from agents.runtime.model.upcasting import Upcasts

P = ParamSpec("P")
R = TypeVar("R")


class Decorator(Protocol):
    """What `agent(...)` returns: a decorator of async and plain functions."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Agent[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Agent[P, R]: ...


def agent(  # noqa: PLR0913 - independent options, each given by name
    policy: Policy,
    *,
    version: str = "1",
    undo: Agent[..., Any] | None = None,
    settle: Settle | None = None,
    batched: bool = False,
    outbox: bool = False,
    upcasts: Upcasts | None = None,
    takes: Takes | None = None,
    cheaper: Agent[..., Any] | None = None,
) -> Decorator:
    """Make a function an agent.

    `policy` sets retries, limits and kind (PURE, READ, EFFECT, ...), and `version` is stored with
    every fact. `undo` is the agent that compensates the effect; `settle` says how an unknown outcome
    is settled and is required for an effect. A `batched` function takes lists and is called once for
    the whole batch; a batch that fails is bisected. An `outbox` agent takes payload, Notice and key,
    and is called at most once for each unsent notice of the batch's ended items. `upcasts` convert
    facts that earlier versions stored. `takes` are the resources that a step of one item takes, as amounts
    by name or as a function of payload and facts, as the agent's own parameters; they are held while it
    runs (see "Resources" in README.md). `cheaper` is the agent that runs instead where a budget says so.
    An async function is bounded by the policy's timeout; a plain
    one runs inline and must be quick, or has the policy CPU and is killed at its timeout. Raises
    TypeError if policy and options do not fit.
    """
    options = Options(policy, version, undo, settle, batched, outbox, upcasts or {}, takes, cheaper)

    def decorate(function: Callable[..., Any], /) -> Agent[Any, Any]:
        return Agent(function, options, deliver if outbox else run_step)

    return decorate
