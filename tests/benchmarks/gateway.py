"""The gateway under load, beside the framework alone and endpoints that commit the same rows.

python -m tests.benchmarks.gateway [--database sqlite|postgresql] [--seconds N] [--rounds N]
[--requests N]; the last line is one JSON object. The load comes from wrk, which must be installed.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items
from tests.benchmarks.gateway_callers import identical, slow_connections
from tests.benchmarks.machine import ROOT, middle, tell
from tests.benchmarks.servers import postgresql
from tests.deployments.gateway.orders import order

SCRIPT = Path(__file__).with_name("gateway_load.lua")
CONNECTIONS = 64
BATCH_LINES, BATCH_CONNECTIONS = 500, 4
SLOW = 1_000
KINDS = ("parse", "commit", "grouped", "ours")


@dataclass
class Server:
    """A server in a process of its own."""

    kind: str
    process: subprocess.Popen[str]
    url: str
    port: int
    key: str

    def cpu_seconds(self) -> float:
        """The processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """The memory that it holds now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(one.split()[1]) for one in lines if one.startswith("VmRSS")) / 1024

    def accepted(self) -> int:
        """The items in its journal, which is the judge of what was accepted."""
        return asyncio.run(_count(self.url))


async def _count(url: str, *conditions: Any) -> int:
    database = Database(url)
    async with database.read() as connection:
        found = await connection.scalar(select(func.count(items.c.id)).where(*conditions))
    await database.close()
    return int(found or 0)


class Load:
    """wrk, with a new prefix for each run, so that no two orders are the same."""

    def __init__(self, folder: Path) -> None:
        self._order, self._runs = folder / "order.json", 0
        self._order.write_text(json.dumps(order() | {"order_id": "@"}))

    def on(
        self, server: Server, seconds: int, connections: int, *, lines: int = 1, pause: float = 0.0
    ) -> dict[str, float]:
        """What wrk measured; `pause` are milliseconds between two requests of a connection."""
        self._runs += 1
        address = f"http://127.0.0.1:{server.port}/v/orders"
        run = (f"r{self._runs}", lines, self._order, f"Bearer {server.key}", pause)
        script = [str(one) for one in run]
        options = [f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s"]
        done = subprocess.run(
            ["wrk", *options, "--timeout", "10s", "-s", str(SCRIPT), address, "--", *script],
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        found["per_s"] = found["requests"] / found["seconds"]
        sys.stderr.write(f"{server.kind}, {lines} lines, {connections} connections: {found}\n")
        return found


@contextmanager
def started(kind: str, data: Path, url: str) -> Iterator[Server]:
    """The server of this kind on a journal of its own."""
    environment = {**os.environ, "AGENT_FLOWS_DATA": str(data), "AGENT_FLOWS_JOURNAL_URL": url}
    environment["AGENT_FLOWS_QUEUE_LIMIT"] = "10000000"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.gateway_server", kind],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield Server(kind, process, url, said["port"], said.get("key", ""))
    finally:
        process.terminate()
        process.wait(30)


def paces(servers: list[Server], load: Load, seconds: int, rounds: int) -> dict[str, Any]:
    """Single requests a second as fast as they go, and the processor time of one."""
    pace: dict[str, list[float]] = {server.kind: [] for server in servers}
    cost: dict[str, list[float]] = {server.kind: [] for server in servers}
    for server in servers:
        load.on(server, 1, CONNECTIONS)
    for _ in range(rounds):
        for server in servers:
            before = server.cpu_seconds()
            found = load.on(server, seconds, CONNECTIONS)
            pace[server.kind].append(found["per_s"])
            cost[server.kind].append((server.cpu_seconds() - before) / found["requests"] * 1_000)
    shares = {
        f"share_of_{kind}": middle([a / b for a, b in zip(pace["ours"], pace[kind], strict=True)])
        for kind in KINDS[:-1]
    }
    return {
        "single_per_s": {kind: middle(found) for kind, found in pace.items()},
        "cpu_ms_per_request": {kind: middle(found) for kind, found in cost.items()},
        **shares,
    }


def half_load(ours: Server, load: Load, seconds: int, most: float) -> dict[str, float]:
    """The times of answers at half of the most, with exponential pauses."""
    found = load.on(ours, seconds, CONNECTIONS, pause=CONNECTIONS / (most / 2) * 1_000)
    return {name: round(found[name], 2) for name in ("per_s", "p50_ms", "p99_ms", "refused")}


def batches(ours: Server, load: Load, seconds: int) -> dict[str, float]:
    """Orders a second in requests with many lines, counted in the journal."""
    before = ours.accepted()
    found = load.on(ours, seconds, BATCH_CONNECTIONS, lines=BATCH_LINES)
    return {
        "orders_per_s": round((ours.accepted() - before) / found["seconds"], 1),
        "lines": BATCH_LINES,
    }


async def repeated(ours: Server, count: int) -> dict[str, int]:
    """The same request many times at once."""
    body = json.dumps(order() | {"order_id": "the-same"}).encode()
    head = (
        f"POST /v/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {ours.key}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: the-same\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    answers = await identical(ours.port, head.encode() + body, count)
    orders = await _count(ours.url, items.c.key == "the-same")
    accepted = sum(count for answer, count in answers.items() if b" 202 " in answer[:16])
    return {"accepted": accepted, "different_answers": len(answers), "orders": orders}


async def beside_slow(ours: Server, load: Load, seconds: int, most: float) -> dict[str, float]:
    """The times at half load while many connections never finish their headers."""
    async with slow_connections(ours.port, SLOW) as seen:
        found = await asyncio.to_thread(half_load, ours, load, seconds, most)
    return found | {"connections": SLOW, "given_up": seen["given up"]}


def memory(ours: Server, load: Load, requests: int, most: float) -> dict[str, Any]:
    """The memory of the server while it answers many requests, after each tenth of them."""
    seconds = max(1, round(requests / 10 / most))
    held, count = [round(ours.memory_mb(), 1)], 0.0
    while count < requests:
        count += load.on(ours, seconds, CONNECTIONS)["requests"]
        held.append(round(ours.memory_mb(), 1))
    return {"requests": int(count), "mb": held}


def measured(servers: list[Server], load: Load, given: argparse.Namespace) -> dict[str, Any]:
    """Every figure."""
    ours = servers[-1]
    answer = paces(servers, load, given.seconds, given.rounds)
    most = answer["single_per_s"]["ours"]
    answer["half_load"] = half_load(ours, load, given.seconds, most)
    answer["batches"] = batches(ours, load, given.seconds)
    answer["identical"] = asyncio.run(repeated(ours, given.identical))
    answer["slow"] = asyncio.run(beside_slow(ours, load, given.seconds, most))
    answer["memory"] = memory(ours, load, given.requests, most)
    return answer


@contextmanager
def journals(database: str, folder: Path) -> Iterator[list[str]]:
    """The addresses of empty journals, one for each kind of server."""
    if database == "sqlite":
        yield [f"sqlite+aiosqlite:///{folder / kind}.db" for kind in KINDS]
        return
    with postgresql() as new:
        yield [new() for _ in KINDS]


def main(given: argparse.Namespace) -> None:
    """Measure and print the answer."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: it makes the load (on Debian, the package wrk)")
    parent = (
        ROOT / ".agent-flows"
    )  # on the disk of the project: a temporary folder may be in memory
    parent.mkdir(exist_ok=True)
    answer: dict[str, Any] = {"database": given.database, "cores": os.cpu_count()}
    answer["load_before"] = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory(dir=parent, prefix="benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        urls = stack.enter_context(journals(given.database, folder))
        servers = [
            stack.enter_context(started(kind, folder / kind, url))
            for kind, url in zip(KINDS, urls, strict=True)
        ]
        answer |= measured(servers, Load(folder), given)
    answer["load_after"] = round(os.getloadavg()[0], 2)
    tell(answer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--requests", type=int, default=100_000, help="over which memory is watched"
    )
    parser.add_argument("--identical", type=int, default=10_000)
    main(parser.parse_args())
