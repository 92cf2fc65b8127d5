"""Limits on the outside world: Prefect's global ones where there is a server, else the policy's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL

from agents.runtime.errors import AgentError
from agents.runtime.policies import Policy
from agents.runtime.settings import settings

UNKNOWN = "must be created"  # in Prefect's words; its class says the same of a server that fails


class NoLimit(AgentError):
    """A limit that the server does not have: to go on without it could hurt who is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"the Prefect server at {PREFECT_API_URL.value()} has no concurrency limit {self.name!r}: "
            "create it with `python -m deployments.apply`, "
            "or let each process limit itself with AGENT_FLOWS_CONCURRENCY=local"
        )


@asynccontextmanager
async def slots(policy: Policy, items: int) -> AsyncIterator[None]:
    """Occupy as many slots of the policy's limit as items run at once, in one call.

    Raises NoLimit.
    """
    if policy.limit is None or not _shared():
        yield
        return
    at_once = min(policy.concurrency, items)
    try:
        async with concurrency(policy.limit, occupy=at_once, strict=True):
            yield
    except ConcurrencySlotAcquisitionError as error:
        if UNKNOWN in str(error):
            raise NoLimit(policy.limit) from None
        raise


def _shared() -> bool:
    wish = settings().concurrency
    if wish == "auto":
        return FlowRunContext.get() is not None and PREFECT_API_URL.value() is not None
    return wish == "prefect"
