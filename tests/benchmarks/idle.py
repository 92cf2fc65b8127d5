"""One order at a time on an idle system, from submission to its end: ours and its peers, in turns.

python -m tests.benchmarks.idle --orders N --rounds N [--peers NAME ...]; N orders of each engine in every round.
The last line has the seconds of each order, round by round.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count

from agents.runtime.settings import settings
from tests.benchmarks.machine import tell
from tests.benchmarks.peers import Contender, contenders
from tests.benchmarks.plain_prefect import plain_order
from tests.benchmarks.resident import resident

PEERS = (
    "langgraph", "celery", "celery without fsync", "dbos postgresql", "dbos sqlite", "pydocket",
)  # fmt: skip
REST_SECONDS = 0.05  # the work of an engine after an order does not delay the next one
WARM_UP = 5
FEW_PLAIN = 5  # a plain flow run takes seconds

Engine = Callable[[int], Awaitable[float]]


async def plainly(number: int) -> float:
    """Seconds of an order as a flow run of plain Prefect."""
    begun = time.perf_counter()
    await plain_order(number)
    return time.perf_counter() - begun


def beside(peer: Contender) -> Engine:
    """Seconds of an order at this peer, by its own clock."""
    return lambda number: asyncio.to_thread(peer.take, [number])


def _nothing() -> None:
    pass


async def _turns(
    orders: int, rounds: int, peers: dict[str, Contender]
) -> dict[str, list[list[float]]]:
    seconds: dict[str, list[list[float]]] = {}
    numbers = count(1)
    async with resident() as ours:
        found: dict[str, tuple[Engine, Callable[[], None]]] = {
            "ours": (ours, _nothing),
            "plain_prefect": (plainly, _nothing),
        }
        found |= {name: (beside(one), one.prepare) for name, one in peers.items()}
        for turn in range(rounds + 1):
            for name, (engine, prepare) in found.items():
                prepare()
                many = orders if turn else WARM_UP
                taken = []
                for _ in range(min(many, FEW_PLAIN) if name == "plain_prefect" else many):
                    await asyncio.sleep(REST_SECONDS)
                    taken.append(await engine(next(numbers)))
                if turn:
                    seconds.setdefault(name, []).append(taken)
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for option in ("--orders", "--rounds"):
        parser.add_argument(option, type=int, required=True)
    parser.add_argument("--peers", nargs="*", default=PEERS)
    given = parser.parse_args()
    with contenders(settings().data, given.peers) as beside_us:
        tell(asyncio.run(_turns(given.orders, given.rounds, beside_us)))
