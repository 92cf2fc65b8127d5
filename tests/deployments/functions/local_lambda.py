"""AWS Lambda on this machine, by ministack: functions run in processes of their own, and die at their time-out."""

import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from tests.prefect_server import ROOT

START_SECONDS = 60.0
# It would listen on all interfaces and for more services than are asked for.
LIMITS = {
    "BIND_HOST": "127.0.0.1",
    "SERVICES": "cloudformation,events,iam,lambda,s3,secretsmanager,sqs",
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
    "LAMBDA_EXECUTOR": "local",
}
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@dataclass(frozen=True, slots=True)
class LocalLambda:
    """A running ministack."""

    url: str

    def client(self, service: str) -> Any:
        """A client of the official SDK."""
        config = Config(read_timeout=120, retries={"max_attempts": 0})
        return boto3.client(service, endpoint_url=self.url, config=config, **KEYS)

    def create(self, name: str, timeout: int, environment: Mapping[str, str]) -> None:
        """A function that runs the test's entry; its code is this folder, not what is uploaded."""
        uploaded = io.BytesIO()
        with zipfile.ZipFile(uploaded, "w") as archive:
            archive.writestr("empty.txt", "")
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/none",
            Handler="tests.deployments.functions.entry.handler",
            Code={"ZipFile": uploaded.getvalue()},
            Timeout=timeout,
            Environment={
                "Variables": {
                    "PYTHONPATH": str(ROOT),
                    "TEST_TIMEOUT": str(timeout),
                    **environment,
                }
            },
        )

    def invoke(self, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of an invocation; `errorMessage` where it failed, was killed or timed out."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found


@contextmanager
def local_lambda(folder: Path) -> Iterator[LocalLambda]:
    """A ministack within the block, on a free port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | LIMITS | {"GATEWAY_PORT": str(port), "TMPDIR": str(folder)}
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=environment, stdout=log, stderr=log
        )
    found = LocalLambda(f"http://127.0.0.1:{port}")
    try:
        _wait(found.url, process)
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"{url}/_ministack/health", timeout=1.0)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("ministack does not answer")
