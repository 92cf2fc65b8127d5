"""Two servers that speak Stripe's protocol: the sandbox, and localstripe in a process of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from agents.services.http import Answer, Call, Deadlines, HttpApi
from agents.services.payments.stripe import HEADERS, StripePayments
from agents.services.sandbox.address import SandboxAddress


@dataclass(frozen=True)
class Peer:
    """A provider to test against, and the payment methods it declines."""

    name: str
    payments: StripePayments
    api: HttpApi
    declined: str


@pytest.fixture(scope="session")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if find_spec("localstripe") is None:
        pytest.skip("localstripe is not installed (dependency group peers)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (tmp_path_factory.mktemp("localstripe") / "log").open("wb")
    command = [sys.executable, "-m", "localstripe", "--from-scratch", "--port", str(port)]
    with log, subprocess.Popen(command, stdout=log, stderr=log, cwd=Path(log.name).parent) as child:
        wait_for(child, port)
        yield f"http://127.0.0.1:{port}"
        child.kill()


def wait_for(child: subprocess.Popen[bytes], port: int) -> None:
    """Until our own child answers: it ends at once if another process has the port."""
    until = time.monotonic() + 30
    while True:
        assert child.poll() is None, "localstripe ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < until
        time.sleep(0.05)


class Completed(HttpApi):
    """localstripe leaves out the amounts held and received, which Stripe's reference has."""

    async def call(self, call: Call) -> Answer:
        answer = await super().call(call)
        for intent in (answer.body, *answer.body.get("data", ())):
            if intent.get("object") == "payment_intent":
                held, taken = (intent["status"] == s for s in ("requires_capture", "succeeded"))
                intent["amount_capturable"] = intent["amount"] if held else 0
                intent["amount_received"] = intent["amount"] if taken else 0
        return answer


@pytest.fixture(params=["sandbox", "localstripe"])
async def peer(request: pytest.FixtureRequest, sandbox: SandboxAddress) -> AsyncIterator[Peer]:
    if request.param == "sandbox":
        url, key, declined = sandbox.url, sandbox.token, "pm_card_chargeDeclinedInsufficientFunds"
    else:
        url, key = request.getfixturevalue("localstripe"), "sk_test_12345"
        declined = "pm_card_chargeCustomerFail"
    headers = {"Authorization": f"Bearer {key}", **HEADERS}
    kind = HttpApi if request.param == "sandbox" else Completed
    async with kind("payments", url, headers, Deadlines()) as api:
        yield Peer(request.param, StripePayments(api), api, declined)
