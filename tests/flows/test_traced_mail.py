"""One trace leads from a caller's request over the queue and another process to the mail that the customer gets."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.services.sandbox.process import stop_sandbox
from tests.agents.services.notifications.mail_server import SENDER, Mailbox, mail_server
from tests.deployments.gateway.gateway_process import environment, running_gateway
from tests.deployments.gateway.orders import order
from tests.otlp_collector import Collected, collecting
from tests.prefect_server import ROOT

TRACE, CALLER = "ab" * 16, "cd" * 8
PATIENCE = 120.0


@contextmanager
def consumer(home: Path, more: dict[str, str]) -> Iterator[None]:
    """A consumer of orders in a process of its own."""
    command = [sys.executable, "-m", "tests.flows.run_consumer"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(home, more), stderr=subprocess.DEVNULL
    ) as process:
        yield
        process.terminate()


@pytest.mark.slow
async def test_the_trace_of_a_request_is_that_of_the_mail(tmp_path: Path) -> None:
    box = Mailbox()
    with collecting() as collector:
        async with mail_server(box) as port:
            more = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                "OTEL_BSP_SCHEDULE_DELAY": "100",
                "AGENT_FLOWS_MAIL": json.dumps(
                    {"url": f"smtp+plain://127.0.0.1:{port}", "sender": SENDER}
                ),
            }
            with (
                running_gateway(tmp_path, "--no-consumers", more=more) as gateway,
                gateway.client() as client,
                consumer(tmp_path, more),
            ):
                header = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
                answer = await asyncio.to_thread(
                    client.post, "/v/orders", json=order(), headers=header
                )
                assert answer.status_code == 202
                await until(lambda: bool(box.letters))
                await until(lambda: len(named(collector.spans, "notify_customer")) == 1)
    stop_sandbox(tmp_path / "data")

    [mail] = box.messages()
    [sent] = named(collector.spans, "notify_customer")
    assert mail["Traceparent"] == f"00-{TRACE}-{sent.span}-01"
    ours = {span.span: span for span in collector.spans if span.trace == TRACE}
    assert {"orders claim", "assess_risk", "orders end"} <= {one.name for one in ours.values()}
    way = [sent]
    while way[-1].parent in ours:
        way.append(ours[way[-1].parent])
    assert way[-1].parent == CALLER, [one.name for one in way]


def named(spans: list[Collected], name: str) -> list[Collected]:
    return [span for span in list(spans) if span.name == name]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until the condition holds. Fails after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it does not come"
        await asyncio.sleep(0.05)
