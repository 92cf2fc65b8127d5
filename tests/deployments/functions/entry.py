"""What the providers' shims load: the handlers of this project, with the test's workflow declared.

The environment has the function's time-out in TEST_TIMEOUT, and a point to be killed at in TEST_KILL.
"""

import os

from agents.runtime.testing import arm
from deployments.functions import aws_lambda, cloud_run
from deployments.functions.declared import Function
from tests.deployments.functions.ledger import declare

timeout = float(os.environ.get("TEST_TIMEOUT", "20"))
declare(Function("entries", "entries", timeout=timeout, buffer=min(timeout / 5, 1.0), batch=16))
if "TEST_KILL" in os.environ:
    arm({os.environ["TEST_KILL"]: 1})

handler = aws_lambda.handler
http = cloud_run.http
queue = cloud_run.queue
