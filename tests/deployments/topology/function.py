"""`python -m tests.deployments.topology.function SECONDS`: the function of orders, invoked as AWS Lambda does it.

It claims from the queue of the installation until it has to stop, and prints what it did.
"""

import json
import sys
import time
from dataclasses import dataclass

from deployments.functions.aws_lambda import WORK, handler


@dataclass(slots=True)
class Context:
    """What Lambda passes: when the invocation ends."""

    until: float
    invoked_function_arn: str = "arn:aws:lambda:local:0:function:orders"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until then."""
        return int(1_000 * (self.until - time.monotonic()))


if __name__ == "__main__":
    answer = handler(WORK, Context(time.monotonic() + float(sys.argv[1])))
    sys.stdout.write(json.dumps(answer) + "\n")
