"""Requests by the thousand that the description of the API allows, and others: each is answered as described.

There is no 5xx and no answer of another form. The gateway is a real server with a key that may do all.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from fastapi import FastAPI

from agents.runtime.context import runtime
from agents.runtime.journal import api_keys
from agents.runtime.journal.api_keys import NewKey
from deployments.gateway import replies
from deployments.gateway.access import Scope
from flows.cli.http_endpoint import listen, serving
from tests.deployments.gateway.item_states import accepted, asking, dead

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
# Streams end when their reader leaves; these end the key or the session that the requests need.
LEFT_OUT = r"^/events/|^/keys/\{key\}/(rotate|revoke)$|^/login|^/logout"
# A key may have slashes, so /v/orders/W1/cancel is the address of an item as well as of an act.
NOT_SAID = "allow_header_conformance"
SECONDS = 800


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway that answers at `url`, for `key`."""

    url: str
    key: str


@pytest.fixture
async def target(trusted: FastAPI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Target]:
    monkeypatch.setattr(replies, "REPLY_SECONDS", 0.1)  # nobody answers turns here
    new = NewKey("default", "tester", tuple(sorted(Scope)), customer="C-1042")
    made = await api_keys.create(runtime().journal, new, "tests", "a test")
    listener = listen(0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(trusted, lifespan="on", ws="none", access_log=False, log_config=None)
    async with serving(config, listener):
        headers = {"Authorization": f"Bearer {made.key}"}
        async with httpx.AsyncClient(base_url=address, headers=headers) as client:
            for number, state in enumerate((accepted, asking, dead)):
                await state(client, number)
        yield Target(address, made.key)


async def report_of(target: Target, home: Path, examples: int, phases: str) -> dict[str, Any]:
    """What schemathesis reports after so many requests to each operation."""
    report = home / "report.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
        *("run", f"{target.url}/openapi.json", "--header", f"Authorization: Bearer {target.key}"),
        *("--checks", "all", "--exclude-checks", NOT_SAID, "--max-response-time", "60"),
        *("--continue-on-failure", "--seed", "1", "--phases", phases),
        *("--max-examples", str(examples), "--exclude-path-regex", LEFT_OUT),
        *("--report", "json", "--report-json-path", str(report), "--no-color"),
        cwd=home,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, said.decode()[-20_000:]
    found: dict[str, Any] = orjson.loads(report.read_bytes())
    return found


@pytest.mark.slow
async def test_a_hundred_requests_are_answered_as_described(target: Target, tmp_path: Path) -> None:
    report = await report_of(target, tmp_path, 2, "examples,fuzzing")
    assert (report["failures"], report["errors"]) == ([], [])
    assert report["test_cases"]["generated"] >= 100


@pytest.mark.campaign
async def test_ten_thousand_requests_are_answered_as_described(
    target: Target, tmp_path: Path
) -> None:
    report = await report_of(target, tmp_path, 200, "examples,coverage,fuzzing")
    assert (report["failures"], report["errors"]) == ([], [])
    assert report["test_cases"]["generated"] >= 10_000
