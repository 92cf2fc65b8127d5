"""Azure Functions: `http` takes requests, `queue` messages of a queue, `schedule` the timer.

Sources: learn.microsoft.com/azure/azure-functions/functions-reference-python,
…/functions-bindings-storage-queue-trigger (after `maxDequeueCount` failures a message is in the queue
`…-poison`), …/functions-host-json#functiontimeout.
"""

import asyncio
from typing import Protocol

import azure.functions as func

from agents.runtime.errors import AgentError
from deployments.functions.accept import WAKE, Message
from deployments.functions.answers import answered
from deployments.functions.cloud_events import Request, lowered
from deployments.functions.deadline import counted
from deployments.functions.declared import deployed
from deployments.functions.invocation import invoke, preload


class QueueMessage(Protocol):
    """What messages of a storage queue and of Service Bus have in common."""

    def get_body(self) -> bytes:
        """The body."""


class Refused(AgentError):
    """A message with items that were not accepted: it becomes visible again, then a poison message."""


preload()


def http(request: func.HttpRequest) -> func.HttpResponse:
    """What Azure calls for a request."""
    function = deployed()
    asked = Request(request.get_body(), lowered(request.headers), request.method)
    answer = answered(function, counted(function.timeout), asked)
    return func.HttpResponse(answer.body, status_code=answer.status, headers=answer.headers)


def queue(message: QueueMessage) -> None:
    """What Azure calls for a message. Raises Refused: it is delivered again."""
    function = deployed()
    messages = [Message("message", message.get_body())]
    result = asyncio.run(invoke(function, counted(function.timeout), messages))
    if result.acceptance.refused:
        raise Refused("; ".join(one.reason for one in result.acceptance.refused))


def schedule(timer: func.TimerRequest, wakes: func.Out[list[str]]) -> None:  # noqa: ARG001 - Azure's
    """What Azure calls by the timer; `wakes` are messages for the function's own queue."""
    function = deployed()

    async def start(count: int) -> None:
        wakes.set([WAKE] * count)

    asyncio.run(invoke(function, counted(function.timeout), start=start))
