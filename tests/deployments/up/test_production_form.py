"""The production form for real: orders go through while an API server, a gateway and a consumer are killed."""

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.deployments.gateway.orders import order
from tests.deployments.up.test_up import ORDER_SECONDS, Up, up

pytestmark = pytest.mark.campaign

ORDERS, KILLED = 1_000, ("prefect-server-1", "gateway-1", "consumer-orders-1")
ENDED = {"completed", "failed", "compensated", "waiting", "dead_lettered"}


def kill(running: Up, name: str) -> float:
    """Kill a process; the seconds until the one that is started for it is healthy."""
    [entry] = [one for one in running.record.entries if one.name == name]
    os.kill(entry.pid, signal.SIGKILL)
    begun = time.monotonic()
    while time.monotonic() < begun + ORDER_SECONDS:
        [now] = [one for one in running.record.entries if one.name == name]
        if now.state == "healthy" and now.pid != entry.pid:
            return time.monotonic() - begun
        time.sleep(0.1)
    raise AssertionError(f"{name} was not started again")


def accepted(client: httpx.Client, body: dict[str, object]) -> bool:
    """Send an order until it is accepted, as a caller does whose connection broke."""
    for _ in range(100):
        with suppress(httpx.TransportError):
            if client.post("/v/orders", json=body).status_code in {200, 202}:
                return True
        time.sleep(0.2)
    return False


def states(client: httpx.Client) -> Counter[str]:
    found: Counter[str] = Counter()
    cursor = None
    while True:
        parameters = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v/orders", params=parameters).raise_for_status().json()
        found.update(str(item["state"]) for item in page["items"])
        if not (cursor := page.get("next")):
            return found


@pytest.mark.timeout(3_000)
def test_a_thousand_orders_end_while_one_of_each_is_killed(tmp_path: Path) -> None:
    with up(tmp_path / "data", "--production", "--embedded") as running:
        with running.client() as client:
            bodies = [order(number) for number in range(ORDERS)]
            assert all(accepted(client, body) for body in bodies[:300])
            seconds = {name: kill(running, name) for name in KILLED}
            assert all(accepted(client, body) for body in bodies[300:])
            until = time.monotonic() + 1_500
            while set(found := states(client)) - ENDED and time.monotonic() < until:
                time.sleep(2)
            assert set(found) <= ENDED, (found, seconds)
            assert found.total() == ORDERS
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    assert running.store.read() is None
