"""AWS Lambda: `deployments.functions.aws_lambda.handler` takes requests, batches of SQS, and schedules.

Sources: docs.aws.amazon.com/lambda/latest/dg/python-context.html, …/services-sqs-errorhandling.html
(partial batch responses), …/urls-invocation.html (requests), …/services-eventbridge.html (schedules).
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any, Protocol

from deployments.functions.accept import Message
from deployments.functions.answers import answered
from deployments.functions.cloud_events import Request, lowered
from deployments.functions.declared import deployed
from deployments.functions.invocation import Start, invoke, preload

MILLISECONDS = 1_000.0
WORK = {"agent_flows": "work"}  # the event of an invocation that a schedule has started


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes."""

    invoked_function_arn: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


preload()


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """What Lambda calls. Messages that are not accepted are named, and SQS delivers them again."""
    function = deployed()

    def remaining() -> float:
        return context.get_remaining_time_in_millis() / MILLISECONDS

    if "Records" in event:
        messages = [Message(one["messageId"], one["body"].encode()) for one in event["Records"]]
        result = asyncio.run(invoke(function, remaining, messages))
        failed = result.acceptance.failed
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}
    if "requestContext" in event:
        answer = answered(function, remaining, _request(event))
        return {"statusCode": answer.status, "headers": answer.headers, "body": answer.body}
    start = None if dict(event) == WORK else _starter(context.invoked_function_arn)
    return asyncio.run(invoke(function, remaining, start=start)).body()


def _request(event: Mapping[str, Any]) -> Request:
    text: str = event.get("body") or ""
    body = base64.b64decode(text) if event.get("isBase64Encoded") else text.encode()
    method = event["requestContext"]["http"]["method"]
    return Request(body, lowered(event.get("headers") or {}), method)


def _starter(arn: str) -> Start:
    async def start(count: int) -> None:
        from boto3 import client  # noqa: PLC0415 - Lambda has it, and only a schedule needs it

        api = client("lambda")
        for _ in range(count):
            payload = json.dumps(WORK).encode()
            await asyncio.to_thread(
                api.invoke, FunctionName=arn, InvocationType="Event", Payload=payload
            )

    return start
