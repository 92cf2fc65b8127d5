"""Limits on the outside world: Prefect's global ones where there is a server, else the policy's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.concurrency.asyncio import concurrency
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL

from agents.runtime.policies import Policy
from agents.runtime.settings import settings


@asynccontextmanager
async def slots(policy: Policy, items: int) -> AsyncIterator[None]:
    """Occupy as many slots of the policy's limit as items run at once, in one call.

    Raises ConcurrencySlotAcquisitionError when the limit does not exist at the server
    (`python -m deployments.apply` creates it).
    """
    if policy.limit is None or not _shared():
        yield
        return
    at_once = min(policy.concurrency, items)
    async with concurrency(policy.limit, occupy=at_once, strict=True):
        yield


def _shared() -> bool:
    wish = settings().concurrency
    if wish == "auto":
        return FlowRunContext.get() is not None and PREFECT_API_URL.value() is not None
    return wish == "prefect"
