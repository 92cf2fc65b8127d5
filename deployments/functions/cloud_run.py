"""Google Cloud Run functions: `http` takes requests and schedules, `queue` messages of Pub/Sub.

Sources: cloud.google.com/run/docs/write-functions, cloud.google.com/eventarc/docs/cloudevents
(`google.cloud.pubsub.topic.v1.messagePublished`), cloud.google.com/pubsub/docs/handling-failures
(what is answered with an error is delivered again, and in the end to the dead-letter topic),
cloud.google.com/compute/docs/access/authenticate-workloads (the metadata server).
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from agents.runtime.errors import AgentError
from agents.runtime.settings import settings
from deployments.functions.accept import WAKE, Message
from deployments.functions.answers import answered
from deployments.functions.cloud_events import Request, lowered
from deployments.functions.deadline import counted
from deployments.functions.declared import deployed
from deployments.functions.invocation import Start, invoke, preload

SCHEDULE = "/schedule"  # the path that Cloud Scheduler calls
METADATA = (
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
)
PUBSUB = "https://pubsub.googleapis.com/v1/"
MOST_MESSAGES = 1_000  # in one request to publish


class FlaskRequest(Protocol):
    """What is used of the request of Flask."""

    path: str
    method: str
    headers: Mapping[str, str]

    def get_data(self) -> bytes:
        """The body."""


class Event(Protocol):
    """What is used of a CloudEvent."""

    data: Any


class Refused(AgentError):
    """A message with items that were not accepted: Pub/Sub delivers it again, then sets it aside."""


preload()


def http(request: FlaskRequest) -> tuple[str, int, dict[str, str]]:
    """What the functions framework calls for a request."""
    function, remaining = deployed(), counted(deployed().timeout)
    if request.path == SCHEDULE:
        result = asyncio.run(invoke(function, remaining, start=_starter()))
        return str(result.started), 200, {}
    asked = Request(request.get_data(), lowered(request.headers), request.method)
    answer = answered(function, remaining, asked)
    return answer.body, answer.status, answer.headers


def queue(event: Event) -> None:
    """What the functions framework calls for a message. Raises Refused: it is delivered again."""
    function, remaining = deployed(), counted(deployed().timeout)
    message = event.data["message"]
    body = base64.b64decode(message.get("data") or "")
    messages = [Message(str(message.get("messageId", "")), body)]
    result = asyncio.run(invoke(function, remaining, messages))
    if result.acceptance.refused:
        raise Refused("; ".join(one.reason for one in result.acceptance.refused))


def _starter() -> Start | None:
    topic = settings().function_topic
    if topic is None:
        return None

    async def start(count: int) -> None:
        async with httpx.AsyncClient() as client:
            await wake(client, topic, count)

    return start


async def wake(client: httpx.AsyncClient, topic: str, count: int) -> None:
    """Publish `count` messages without items: each starts an invocation. Raises httpx.HTTPError."""
    answer = await client.get(METADATA, headers={"Metadata-Flavor": "Google"})
    answer.raise_for_status()
    data = base64.b64encode(WAKE.encode()).decode()
    published = await client.post(
        f"{PUBSUB}{topic}:publish",
        json={"messages": [{"data": data}] * min(count, MOST_MESSAGES)},
        headers={"Authorization": f"Bearer {answer.json()['access_token']}"},
    )
    published.raise_for_status()
