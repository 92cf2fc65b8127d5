"""A peer in a process of its own: it is asked by lines, and stands still while others are measured.

`serve` is the peer's side; it needs the standard library alone, so that a peer may have packages of its own.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
READY = "ready"
STOP_SECONDS = 30

Many = Callable[[Sequence[int]], Awaitable[None]]


def serve(many: Many) -> None:
    """Answer each line of numbers of orders with the seconds until all of them have ended."""
    asyncio.run(aserve(many))


async def aserve(many: Many) -> None:
    """The same within a running loop."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    answers.write(f"{READY}\n")
    answers.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        numbers = json.loads(line)
        begun = time.perf_counter()
        await many(numbers)
        answers.write(f"{time.perf_counter() - begun}\n")
        answers.flush()


class Peer:
    """The other side: a peer's process, which has started."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process, self._log = process, log
        if self._answer() != READY:
            raise RuntimeError(f"the peer did not start: {log.read_text()[-4000:]}")

    def take(self, numbers: Sequence[int]) -> float:
        """Seconds until these orders have ended. Raises RuntimeError if the peer has failed."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(list(numbers))}\n")
        self._process.stdin.flush()
        answer = self._answer()
        if not answer:
            raise RuntimeError(f"the peer has ended: {self._log.read_text()[-4000:]}")
        return float(answer)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def peer(command: Sequence[object], log: Path, more: Mapping[str, str]) -> Iterator[Peer]:
    """The peer that this command starts; it ends when nobody asks any more."""
    with log.open("wb") as output:
        process: Any = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env=dict(more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    try:
        yield Peer(process, log)
    finally:
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
