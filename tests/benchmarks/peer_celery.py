"""Celery on Redis in its recommended form: late acknowledgement, results, two worker processes.

python -m tests.benchmarks.peer_celery --socket PATH --folder PATH; asked by lines, see `contending`.
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from celery import Celery, chain

from tests.benchmarks.contending import serve
from tests.benchmarks.machine import ROOT
from tests.benchmarks.new_rows import new_rows
from tests.benchmarks.trivial_steps import STEPS, document

LOOK_SECONDS = 0.001
PATIENCE = 120
STOP_SECONDS = 20

app = Celery("peer_celery")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    broker_connection_retry_on_startup=True,
)


@app.task(name="note")  # type: ignore[untyped-decorator]  # Celery has no types
def note(_body: str) -> None:
    """Do nothing with an order."""


def _step(name: str) -> Any:
    @app.task(name=name)  # type: ignore[untyped-decorator]  # Celery has no types
    def step(doc: dict[str, Any]) -> dict[str, Any]:
        return {**doc, "trail": [*doc["trail"], name]}

    return step


TASKS = [_step(name) for name in STEPS]


class CeleryQueue:
    """A queue of tasks that wait while the workers do not consume."""

    def __init__(self) -> None:
        self._sent: list[Any] = []

    async def accept(self, numbers: Sequence[int]) -> None:
        """Send a task for each order."""
        app.control.cancel_consumer("celery", reply=True)
        self._sent += [note.delay(body) for *_, body in new_rows(numbers)]

    async def take(self, _most: int) -> int:
        """Let the workers consume until all results have arrived."""
        app.control.add_consumer("celery", reply=True)
        sent, self._sent = self._sent, []
        await asyncio.to_thread(_gather, sent)
        return len(sent)


def _gather(sent: Sequence[Any]) -> None:
    for result in sent:
        result.get(timeout=PATIENCE, interval=LOOK_SECONDS)


async def many(numbers: Sequence[int]) -> None:
    """Run a chain for each order and wait for all."""
    await asyncio.to_thread(_many, numbers)


def _many(numbers: Sequence[int]) -> None:
    docs = [{**asdict(document(number)), "trail": []} for number in numbers]
    chains = [chain(TASKS[0].s(doc), *(task.s() for task in TASKS[1:])) for doc in docs]
    for sent in [whole.apply_async() for whole in chains]:
        done = sent.get(timeout=PATIENCE, interval=LOOK_SECONDS)
        assert done["trail"] == list(STEPS), done


@contextmanager
def celery_workers(socket: Path, log: Path) -> Iterator[CeleryQueue]:
    """Two worker processes on the server of this socket."""
    broker, backend = (f"redis+socket://{socket}?virtual_host={n}" for n in (3, 4))
    app.conf.update(broker_url=broker, result_backend=backend)
    command = [sys.executable, "-m", "celery", "-A", "tests.benchmarks.peer_celery"]
    command += ["--broker", broker, "--result-backend", backend]
    command += ["worker", "--concurrency", "2", "--loglevel", "WARNING"]
    with log.open("wb") as output:
        worker = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        note.delay("").get(timeout=PATIENCE)
        yield CeleryQueue()
    finally:
        worker.terminate()
        worker.wait(STOP_SECONDS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--socket", "--folder"):
        parser.add_argument(option, type=Path, required=True)
    given = parser.parse_args()
    with celery_workers(given.socket, given.folder / "celery.log"):
        serve(many)
