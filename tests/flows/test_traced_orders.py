"""Every order has one trace from its acceptance to its message, also if its process is killed on the way."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime.trace_context import claim_of
from agents.services.sandbox.process import stop_sandbox
from flows.fulfilment import FULFIL
from tests.otlp_collector import Collected, Collector, collecting
from tests.prefect_server import ROOT

PATIENCE = 500.0
DONE_AT_ONCE = ("completed", 1)  # state and fence of an order that no other process had begun
STAGES = (*(agent.name for agent in FULFIL.agents), "notify_customer")
CALLS = {
    "inventory reserve",
    "payments open",
    "payments authorise",
    "payments capture",
    "inventory issue",
    "notifications send",
}


def start(collector: Collector, folder: Path, count: int) -> subprocess.Popen[str]:
    """A process that works on the orders and tells the collector."""
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "AGENT_FLOWS_DATA": str(folder),
        "AGENT_FLOWS_LEASE_SECONDS": "5" if count < 100 else "45",  # such a load may be slow
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flows.traced_orders", str(count)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(collector: Collector, name: str, count: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while len(collector.named(name)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


def stored(folder: Path) -> dict[str, tuple[str, str, int]]:
    """Trace, state and fence of each order, by its key."""
    with sqlite3.connect(folder / "journal.db") as journal:
        query = "SELECT key, trace, state, fence FROM items WHERE scenario = 'orders'"
        return {key: (trace, state, fence) for key, trace, state, fence in journal.execute(query)}


def check(key: str, trace: str, fence: int, spans: list[Collected]) -> None:
    """One tree: each span is a claim or belongs to one, directly or not, and claims link back."""
    claims = {span.span: span for span in spans if span.name == "orders claim"}
    assert {claim.attributes["agent_flows.item"] for claim in claims.values()} == {key}
    assert claim_of(trace, key, fence).span in claims
    known = {claim_of(trace, key, one).span for one in range(1, fence + 1)}
    for claim in claims.values():
        before = [span for _, span, waited in claim.links if waited]
        assert set(before) <= known
    ids = {span.span for span in spans} | known
    # The step around a call that was in flight as its process was killed never ended.
    strays = [span for span in spans if span.span not in claims and span.parent not in ids]
    assert len(strays) <= 2 * (fence - 1)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The data; its sandbox outlives the processes that used it, for some minutes."""
    yield tmp_path
    stop_sandbox(tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize("count, at_once", [(24, 0), (1_000, 500)])
def test_a_killed_process_leaves_each_order_its_one_trace(
    count: int, at_once: int, folder: Path
) -> None:
    with collecting() as collector:
        first = start(collector, folder, count)
        wait_for(collector, "authorise_payment", count // 4, first)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        before = len(collector.spans)
        second = start(collector, folder, count)
        _, errors = second.communicate(timeout=PATIENCE)
        assert second.returncode == 0, errors
        traces, orders = collector.by_trace(), stored(folder)
    assert len(orders) == count
    assert before < len(collector.spans)
    assert len({trace for trace, _, _ in orders.values()}) == count
    for key, (trace, _, fence) in orders.items():
        check(key, trace, fence, traces[trace])
    ended = {trace for trace, state, _ in orders.values() if state in {"completed", "compensated"}}
    for trace in ended:
        names = Counter(span.name for span in traces[trace])
        assert names["orders end"] == 1
        assert names["notify_customer"] >= 1
    whole = [trace for trace, state, fence in orders.values() if (state, fence) == DONE_AT_ONCE]
    assert len(whole) >= at_once
    for trace in whole:
        names = Counter(span.name for span in traces[trace])
        assert set(STAGES) | CALLS <= set(names)
        assert {names[stage] for stage in STAGES} == {1}
    assert max(fence for _, _, fence in orders.values()) > 1
    sent = repr(collector.spans)
    assert "@" not in sent
