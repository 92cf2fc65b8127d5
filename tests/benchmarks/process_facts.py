"""What a pool of processes does when calls hang, crash, eat memory, answer with a trap or lose their caller.

python -m tests.benchmarks.process_facts POOL; the last line is one JSON object.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import ROOT, tell
from tests.benchmarks.process_pools import PLACES, POOLS, Call
from tests.benchmarks.process_work import Order

MODULE = "tests.benchmarks.process_facts"
PATIENCE = 240.0
ORPHAN_SECONDS = 5.0
LOOK_SECONDS = 0.001


async def facts(call: Call, folder: Path) -> dict[str, Any]:
    """What is seen from the caller, milliseconds and megabytes included."""
    await _milliseconds(call)
    again = await call(Order())
    return {
        "calls_that_one_process_had": again.calls,
        "ran_main_module_of_caller": again.ran_main,
        **await _killed(call, folder / "hang"),
        "crash": await _outcome(call, "crash"),
        "ms_of_calls_after_crash": await _milliseconds(call),
        "memory_beyond_limit": await _outcome(call, "eat"),
        "trap": await _outcome(call, "trap"),
    }


async def _killed(call: Call, where: Path) -> dict[str, Any]:
    hanging = asyncio.ensure_future(call(Order(kind="loop", where=str(where))))
    worker = await _begun(where)
    private, neighbour = private_mb(worker), await call(Order())
    begun = time.perf_counter()
    hanging.cancel()
    await _until(lambda: _is_gone(worker), PATIENCE)
    seconds = time.perf_counter() - begun
    await asyncio.gather(hanging, return_exceptions=True)
    return {
        "private_mb_of_process": round(private, 1),
        "neighbour_of_hang_answered": neighbour.calls > 0,
        "ms_to_kill": round(seconds * 1_000, 1),
        "ms_of_calls_after_kill": await _milliseconds(call),
    }


async def _outcome(call: Call, kind: str) -> str:
    """What the caller sees: an error's name and words, or what was returned."""
    try:
        returned = await call(Order(kind=kind))
    except Exception as error:  # noqa: BLE001 - that is what is asked here
        return f"{type(error).__name__}: {error}".partition("\n")[0].rstrip(": ")
    return "code of the answer ran in the caller" if returned == os.getpid() else "no error"


async def _milliseconds(call: Call) -> float:
    """Of as many calls as run at once."""
    begun = time.perf_counter()
    await asyncio.gather(*(call(Order()) for _ in range(PLACES)))
    return round((time.perf_counter() - begun) * 1_000, 1)


def private_mb(pid: int) -> float:
    """Memory that the process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1_024


def dies_with_its_caller(pool: str, folder: Path) -> bool:
    """Whether the process of a call that hangs is gone soon after its caller was killed."""
    where = folder / "orphan"
    command = [sys.executable, "-m", MODULE, pool, "--hang", str(where)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL) as caller:
        worker = asyncio.run(_begun(where))
        caller.kill()
    with suppress(TimeoutError):
        asyncio.run(_until(lambda: _is_gone(worker), ORPHAN_SECONDS))
        return True
    os.kill(worker, signal.SIGKILL)
    return False


async def _begun(where: Path) -> int:
    await _until(lambda: _worker(where) > 0, PATIENCE)
    return _worker(where)


def _worker(where: Path) -> int:
    return int((where.read_text("ascii") if where.exists() else "") or 0)


async def _until(is_so: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(LOOK_SECONDS)


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


async def _seen(pool: str, folder: Path) -> dict[str, Any]:
    async with POOLS[pool]() as call:
        return await facts(call, folder)


async def _hang(pool: str, where: str) -> None:
    async with POOLS[pool]() as call:
        await call(Order(kind="loop", where=where))


def main() -> None:
    """Try everything and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", choices=POOLS)
    parser.add_argument(
        "--hang", help="call what never ends, which writes its process to this file"
    )
    given = parser.parse_args()
    if given.hang:
        asyncio.run(_hang(given.pool, given.hang))
        return
    with tempfile.TemporaryDirectory() as name:
        seen = asyncio.run(_seen(given.pool, Path(name)))
        tell(seen | {"dies_with_its_caller": dies_with_its_caller(given.pool, Path(name))})


if __name__ == "__main__":
    main()
