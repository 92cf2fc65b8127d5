"""What providers send to functions, in tests."""

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Context:
    """Lambda's context: a number of seconds from its making."""

    seconds: float = 20.0
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:1:function:entries"
    begun: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.begun + self.seconds - time.monotonic()) * 1000))


class ContextOfWork(Context):
    """The same, but the time runs from when it is asked for first: however slow the machine connects."""

    asked = False

    def get_remaining_time_in_millis(self) -> int:
        if not self.asked:
            self.asked, self.begun = True, time.monotonic()
        return super().get_remaining_time_in_millis()


def request(body: bytes, *, encoded: bool = False) -> dict[str, Any]:
    text = base64.b64encode(body).decode() if encoded else body.decode()
    http = {"method": "POST", "path": "/"}
    return {"requestContext": {"http": http}, "body": text, "isBase64Encoded": encoded}


def records(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{number}", "body": body, "eventSource": "aws:sqs"}
            for number, body in enumerate(bodies)
        ]
    }


def entry(number: int, seconds: float = 0.0) -> str:
    """The body of an entry that takes a number of seconds."""
    return json.dumps({"key": f"e{number}", "n": number, "seconds": seconds})


def lines(count: int) -> bytes:
    """This number of entries as JSON Lines."""
    return "\n".join(entry(number) for number in range(count)).encode()
