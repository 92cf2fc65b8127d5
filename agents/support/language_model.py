"""The language models of the settings as one agent: if one fails, the next is asked.

A model gets text and answers with a value of one type. It has no tools.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from agents.runtime.execution.budgets import spent
from agents.runtime.run_context import in_flow_run
from agents.runtime.settings import ModelSettings, settings
from agents.support.models import Proposed


@asynccontextmanager
async def open_agent(
    name: str, answer: type[BaseModel], instructions: str, seconds: float
) -> AsyncIterator[Any]:
    """An agent over all providers in the order of the settings; each request may take some `seconds`."""
    from pydantic_ai import Agent  # noqa: PLC0415 - takes seconds to import
    from pydantic_ai.models.fallback import FallbackModel  # noqa: PLC0415 - the same

    async with AsyncExitStack() as clients:
        first, *others = [await _model(clients, one) for one in settings().models]
        capabilities = []
        if in_flow_run():
            from pydantic_ai.durable_exec.prefect import PrefectDurability  # noqa: PLC0415

            capabilities.append(PrefectDurability())
        yield Agent(
            FallbackModel(first, *others) if others else first,
            name=name,
            output_type=answer,
            instructions=instructions,
            model_settings={"timeout": seconds, "temperature": 0.0},
            capabilities=capabilities,
        )


def limits(requests: int, tokens: int, dollars: Decimal | None) -> Any:
    """Limits of one call: requests, tokens, and US dollars."""
    from pydantic_ai import UsageLimits  # noqa: PLC0415 - the same

    return UsageLimits(request_limit=requests, total_tokens_limit=tokens, cost_limit=dollars)


def left(used: Proposed) -> tuple[int, Decimal | None]:
    """The tokens and US dollars that a turn may still take; None without a limit of dollars."""
    tokens, dollars = settings().model_tokens, settings().model_cost
    left = None if dollars is None else max(Decimal(0), dollars - Decimal(str(used.dollars)))
    return max(0, tokens - used.tokens), left


def count(usage: Any) -> None:
    """Let what the model has really used count, instead of what it might have used at most."""
    spent(model_tokens=usage.total_tokens)
    if usage.cost is not None:
        spent(model_dollars=float(usage.cost))


async def _model(clients: AsyncExitStack, one: ModelSettings) -> Any:
    from openai import AsyncOpenAI  # noqa: PLC0415 - the same
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    key = one.key.get_secret_value() or "none"
    client = AsyncOpenAI(base_url=str(one.url), api_key=key, max_retries=0)
    await clients.enter_async_context(client)
    return OpenAIChatModel(one.name, provider=OpenAIProvider(openai_client=client))
