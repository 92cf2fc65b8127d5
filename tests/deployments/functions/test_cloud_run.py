"""Google's functions, run by its own framework: requests, CloudEvents of Pub/Sub, schedules."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import functions_framework
import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deployments.functions import cloud_run
from deployments.functions.accept import WAKE
from tests.deployments.functions.conftest import Cloud
from tests.deployments.functions.events import entry, lines

SOURCE = str(Path(cloud_run.__file__))


def framework(target: str, kind: str) -> Any:
    """A client of the framework's own application, without a socket."""
    return functions_framework.create_app(target, SOURCE, kind).test_client()  # type: ignore[no-untyped-call]


def published(body: str, number: int = 1) -> dict[str, Any]:
    """A message of Pub/Sub as Eventarc delivers it."""
    data = base64.b64encode(body.encode()).decode()
    return {
        "headers": {
            "ce-id": str(number),
            "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
            "ce-specversion": "1.0",
            "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
            "content-type": "application/json",
        },
        "data": orjson.dumps({"message": {"messageId": str(number), "data": data}}),
    }


def test_a_request_accepts_works_and_says_what_was_refused(cloud: Cloud) -> None:
    client = framework("http", "http")
    answer = client.post("/", data=lines(3) + b'\n{"key": "no key!"}')
    assert answer.status_code == 422
    assert (answer.json["accepted"], answer.json["worked"]) == (3, {"written": 3})
    assert [(one["line"], one["rule"]) for one in answer.json["refused"]] == [(4, "pattern")]
    assert client.post("/schedule").status_code == 200
    assert len(cloud.keys()) == 3


def test_a_message_is_acknowledged_once_its_items_are_in_the_journal(cloud: Cloud) -> None:
    client = framework("queue", "cloudevent")
    assert client.post("/", **published(entry(1))).status_code == 200
    assert client.post("/", **published(entry(1))).status_code == 200  # delivered again
    assert client.post("/", **published(WAKE)).status_code == 200
    assert client.post("/", **published("{")).status_code == 500
    assert cloud.keys() == ["e1"]


def test_a_schedule_publishes_messages_without_items() -> None:
    seen = list[Any]()

    async def token(request: Request) -> JSONResponse:
        seen.append(request.headers["metadata-flavor"])
        return JSONResponse({"access_token": "t0"})

    async def publish(request: Request) -> JSONResponse:
        seen.append((request.url.path, request.headers["authorization"], await request.json()))
        return JSONResponse({"messageIds": ["1", "2"]})

    stand_in = Starlette(
        routes=[
            Route("/v1/{topic:path}", publish, methods=["POST"]),
            Route("/{path:path}", token),
        ]
    )

    async def run() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(stand_in)) as client:
            await cloud_run.wake(client, "projects/p/topics/t", 2)

    asyncio.run(run())
    data = base64.b64encode(WAKE.encode()).decode()
    assert seen == [
        "Google",
        ("/v1/projects/p/topics/t:publish", "Bearer t0", {"messages": [{"data": data}] * 2}),
    ]


@pytest.mark.usefixtures("cloud")
def test_a_schedule_without_a_topic_starts_nothing_and_works() -> None:
    assert framework("http", "http").post("/schedule").data == b"0"
