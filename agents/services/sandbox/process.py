"""Find, start and stop the sandbox of a data folder."""

import asyncio
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from agents.runtime.child_start import ChildStart, DidNotStart
from agents.runtime.errors import AgentError
from agents.runtime.one_server import is_alone
from agents.runtime.settings import ROOT
from agents.runtime.telemetry import get_logger
from agents.services.inventory.stock_file import read_stock
from agents.services.sandbox.address import SandboxAddress, read_address

MOST_STARTS = 5
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
LOG = "sandbox.log"
YIELD_SECONDS = 10.0
IDLE_SECONDS = 300.0
WATCH_SECONDS = 2.0

log = get_logger(__name__)


class SandboxError(AgentError):
    """The sandbox of this folder does not stop or takes no stock."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"sandbox: {self.problem}"


def ensure_sandbox(
    data: Path, stock: Path | None = None, idle: float = IDLE_SECONDS
) -> SandboxAddress:
    """The address of the folder's running sandbox, started if necessary; several processes may ask at once.

    The SKUs of `stock` are added if they are not there. Raises DidNotStart, SandboxError, BadStock.
    """
    goods = read_stock(stock) if stock is not None else []
    data = data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    address = _running(data) or _start(data, idle)
    if goods:
        _add_stock(address, goods)
    return address


async def keep_sandbox(data: Path, moved: Callable[[SandboxAddress], None]) -> None:
    """Until cancelled, keep the sandbox from idling and start it again if it was killed.

    `moved` gets its address each time: the same as before, unless another process has taken its port.
    """
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        try:
            moved(await asyncio.to_thread(ensure_sandbox, data))
        except (DidNotStart, SandboxError, OSError) as error:
            log.warning(
                "sandbox cannot be reached", reason=str(error), again_in_seconds=WATCH_SECONDS
            )


def stop_sandbox(data: Path) -> None:
    """Stop the folder's sandbox, if it runs, and wait until it has. Raises SandboxError."""
    data = data.resolve()
    while (address := _running(data)) is not None:
        for how in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(address.pid, how)
            if _waited(STOP_SECONDS, partial(_ended, data, address)):
                break
        else:
            raise SandboxError(f"process {address.pid} does not stop")


def _start(data: Path, idle: float) -> SandboxAddress:
    """Start processes until one serves: ours, or that of another starter, for which ours ends itself."""
    starting = ChildStart("the sandbox", data / LOG)
    for _ in range(MOST_STARTS):
        child = _spawn(data, idle)
        starting.wait(child, partial(_settled, data, child))
        if child.returncode:
            raise starting.failed(f"ended with status {child.returncode} while it started")
        _waited(YIELD_SECONDS, lambda: _running(data) is not None)
        if (address := _running(data)) is not None:
            return address
    raise starting.failed("ended for another process, which does not answer")


def _spawn(data: Path, idle: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "agents.services.sandbox", "--data", str(data)]
    with (data / LOG).open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [*command, "--idle", str(idle)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # The sandbox outlives this process; until then a thread must reap it, or it stays a zombie.
    threading.Thread(target=child.wait, name="sandbox-reaper", daemon=True).start()
    return child


def _settled(data: Path, child: subprocess.Popen[bytes]) -> bool:
    """Whether our child serves or has ended: a child that is still starting could take over later."""
    address = _running(data)
    return child.returncode is not None or (address is not None and address.pid == child.pid)


def _ended(data: Path, address: SandboxAddress) -> bool:
    """Whether this sandbox has ended; another one may already run in its place."""
    return _unlocked(data) or _running(data) not in (None, address)


def _waited(seconds: float, done: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _running(data: Path) -> SandboxAddress | None:
    """The sandbox, if the process that wrote the address answers there."""
    address = read_address(data)
    if address is None:
        return None
    with suppress(OSError, http.client.HTTPException, ValueError):
        status, body = _ask(address, "GET", "/health")
        if status == 200 and orjson.loads(body) == {"pid": address.pid}:
            return address
    return None


def _add_stock(address: SandboxAddress, goods: list[tuple[str, int, int]]) -> None:
    rows = [
        {"sku": sku, "on_hand": on_hand, "weight_grams": weight} for sku, on_hand, weight in goods
    ]
    try:
        status, _ = _ask(address, "POST", "/inventory/stock", orjson.dumps({"stock": rows}))
    except (OSError, http.client.HTTPException) as error:
        raise SandboxError(f"stock cannot be added: {type(error).__name__}") from error
    if status != 200:
        raise SandboxError(f"stock cannot be added: status {status}")


def _ask(
    address: SandboxAddress, method: str, path: str, content: bytes | None = None
) -> tuple[int, bytes]:
    """A call without agents/services/http.py: it works before there is an event loop, in a millisecond."""
    host = urlsplit(address.url)
    connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=5)
    try:
        connection.request(method, path, content, {"Authorization": f"Bearer {address.token}"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _unlocked(data: Path) -> bool:
    with (data / "sandbox.lock").open("a") as lock:
        return is_alone(lock)
