"""The answer to a request, the same with every provider."""

import asyncio
from dataclasses import dataclass, field

import orjson

from agents.runtime.journal.database import JournalLost
from agents.runtime.journal.queue import QueueFull
from deployments.functions.accept import Message, NotAccepted
from deployments.functions.cloud_events import NotAnEvent, Request
from deployments.functions.deadline import Remaining
from deployments.functions.declared import Function
from deployments.functions.invocation import NoTimeLeft, invoke

RETRY_SECONDS = "10"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, body and headers of an answer."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def answered(function: Function, remaining: Remaining, request: Request) -> HttpAnswer:
    """Accept the items of a request or of a CloudEvent and work; without a body, only work.

    200: all items are in the journal. 422: those that are listed are not, and the others are. 503: send
    all of it again. 400 and 415: a CloudEvent that is not taken. 405: this workflow takes no requests.
    """
    if (origin := request.asks_for_permission) is not None:
        return HttpAnswer(200, "", {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})
    try:
        body = request.data()
        messages = [Message("request", body)] if body.strip() else []
        result = asyncio.run(invoke(function, remaining, messages))
    except (QueueFull, JournalLost, NoTimeLeft) as error:
        answer = _refusal(503, str(error))
        return HttpAnswer(503, answer.body, answer.headers | {"Retry-After": RETRY_SECONDS})
    except NotAnEvent as error:
        return _refusal(error.status, str(error))
    except NotAccepted as error:
        return _refusal(405, str(error))
    status = 422 if result.acceptance.refused else 200
    return HttpAnswer(status, orjson.dumps(result.body()).decode())


def _refusal(status: int, reason: str) -> HttpAnswer:
    return HttpAnswer(status, orjson.dumps({"reason": reason}).decode())
