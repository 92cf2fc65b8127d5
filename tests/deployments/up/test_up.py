"""The command brings an installation up, orders go through it, and it ends as it began: by itself or by hand."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deployments.up.processes import marked
from deployments.up.record import Record, Store
from tests.deployments.gateway.orders import order
from tests.prefect_server import ROOT

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-m", "deployments.up")
PORTS = ("--prefect-port", "0", "--gateway-port", "0")
UP_SECONDS, ORDER_SECONDS, END_SECONDS = 600.0, 300.0, 20.0
ORDERS = 20


@dataclass
class Up:
    """An installation that runs under a command of the test's."""

    process: subprocess.Popen[str]
    store: Store
    said: str

    @property
    def key(self) -> str:
        found = re.search(r"^key: +(afk_\S+)", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]

    @property
    def record(self) -> Record:
        found = self.store.read()
        assert found is not None
        return found

    def client(self) -> httpx.Client:
        found = re.search(r"^gateway: (\S+)", self.said, re.MULTILINE)
        assert found, self.said
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=found[1], headers=headers, trust_env=False, timeout=60)


def environment(data: Path) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return inherited | {"AGENT_FLOWS_DATA": str(data), "COLUMNS": "40"}


def asked(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=UP_SECONDS,
        check=False,
    )


@contextmanager
def up(data: Path, *arguments: str) -> Iterator[Up]:
    with subprocess.Popen(
        [*COMMAND, *PORTS, *arguments],
        cwd=ROOT,
        env=environment(data),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Up(process, Store(data), said_until_up(process))
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            for left in marked(data.resolve()):
                left.kill()


def said_until_up(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("stop: "):
            return said
    raise AssertionError(f"it ended: {said}")


def send_orders(running: Up, count: int = ORDERS, first: int = 0) -> list[str]:
    """Send orders of the sample through the gateway; their outcomes, once none is in work."""
    with running.client() as client:
        bodies = [order(first + number) for number in range(count)]
        for body in bodies:
            assert client.post("/v/orders", json=body).status_code == 202
        return [outcome(client, body["order_id"]) for body in bodies]


def outcome(client: httpx.Client, key: str) -> str:
    found: dict[str, str | None] = {}
    until = time.monotonic() + ORDER_SECONDS
    while time.monotonic() < until:
        found = client.get(f"/v/orders/{key.replace('#', '%23')}").json()
        if found["outcome"] or found["state"] == "waiting":
            return str(found["outcome"] or found["state"])
        time.sleep(0.2)
    raise AssertionError(f"{key} has not ended: {found}")


@pytest.mark.campaign
def test_twenty_orders_go_through_and_it_ends_in_order(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data, "--only", "gateway", "--only", "consumer-orders") as running:
        refused = asked(data)
        assert refused.returncode == 2
        assert f"is up already, by process {running.process.pid}" in refused.stderr
        assert len(send_orders(running)) == ORDERS
        shown = asked(data, "--status")
        assert shown.returncode == 0, shown.stdout
        assert max(len(line) for line in shown.stdout.splitlines()[:-2]) <= 40
        assert running.key not in "".join(
            path.read_text(errors="replace") for path in running.store.logs.iterdir()
        )
        begun = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(END_SECONDS) == 0
        assert time.monotonic() - begun < END_SECONDS
        assert marked(data.resolve()) == []
        assert running.store.read() is None


def test_down_of_nothing_and_an_unknown_component_are_said(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    assert asked(data, "--down").returncode == 0
    unknown = asked(data, "--only", "nobody")
    assert unknown.returncode == 2
    assert "there is no component 'nobody'; there are: prefect-migrations" in unknown.stderr
