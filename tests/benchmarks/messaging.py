"""The cost of queue, bus and an idle order, beside bare databases, bare Redis and other engines.

python -m tests.benchmarks.messaging [--orders N] [--rounds N] [--only PART]; the last line is one
JSON object. Peers are measured where `uv sync --group peers` has installed them.
"""

import argparse
import os
from itertools import chain
from statistics import median
from typing import Any

from tests.benchmarks.machine import middle, tell
from tests.benchmarks.orchestration import Bench, bench

SAMPLE = 300  # orders that take a commit each
IDLE = 30
TALKS = 50
LONGER = 100
CLAIMS = 15
MILLISECONDS = 1_000


def queue(here: Bench, orders: int, rounds: int) -> dict[str, Any]:
    """Orders in a second that are accepted, and claimed and finished: singly and in batches."""
    sample = min(orders, SAMPLE)
    arguments = ("--orders", orders, "--sample", sample, "--rounds", rounds)
    paces = here.ask("queueing", *arguments)
    figures = {
        name: {
            size: {what: middle(p) for what, p in whats.items()} for size, whats in sizes.items()
        }
        for name, sizes in paces.items()
    }
    for name in ("sqlite", "postgresql"):
        for size in ("batch", "single"):
            figures[name][size]["finish_share_of_bare"] = ratio(
                paces[name][size]["finish"], paces[f"bare_{name}"][size]["finish"]
            )
        for peer in {"pydocket", "celery"} & figures.keys():
            figures[name]["batch"][f"finish_times_{peer}"] = ratio(
                paces[name]["batch"]["finish"], paces[peer]["batch"]["finish"]
            )
    return {"queue_per_s": figures}


def idle(here: Bench, orders: int, rounds: int) -> dict[str, Any]:
    """One order at a time on an idle system."""
    seconds = here.ask("idle", "--orders", min(orders, IDLE), "--rounds", rounds)
    figures: dict[str, Any] = {
        name: percentiles(list(chain.from_iterable(turns))) for name, turns in seconds.items()
    }
    ours = figures["ours"]["p50_ms"]
    figures["times_langgraph"] = (
        round(ours / figures["langgraph"]["p50_ms"], 2) if "langgraph" in figures else None
    )
    figures["quicker_than_plain_prefect"] = round(figures["plain_prefect"]["p50_ms"] / ours, 1)
    return {"idle_order": figures}


def length(here: Bench, orders: int, _rounds: int) -> dict[str, Any]:
    """A claim of a batch from a short queue, from one that is a hundred times as long, and from a short
    one beside one as long of another version.
    """
    long = orders * LONGER
    seconds = here.ask("long_queue", "--short", orders, "--long", long, "--rounds", CLAIMS)
    figures: dict[str, Any] = {"short": orders, "long": long}
    for name in ("sqlite", "postgresql"):
        few, many, beside = (
            median(seconds[f"{name}_{which}"]) for which in ("short", "long", "beside")
        )
        figures[name] = {
            "claim_short_ms": round(few * MILLISECONDS, 2),
            "claim_long_ms": round(many * MILLISECONDS, 2),
            "long_to_short": round(many / few, 2),
            "beside_to_short": round(beside / few, 2),
        }
    return {"queue_length": figures}


def bus(here: Bench, orders: int, rounds: int) -> dict[str, Any]:
    """From publish to receive and from request to reply, one at a time."""
    seconds = here.ask("talking", "--messages", min(orders, TALKS), "--rounds", rounds)
    figures: dict[str, Any] = {}
    for kind, contenders in seconds.items():
        figures[kind] = {name: percentiles(some) for name, some in contenders.items()}
        bare = figures[kind]["bare_redis"]["p50_ms"]
        for name in ("sqlite", "postgresql"):
            figures[kind][name]["times_bare_redis"] = round(figures[kind][name]["p50_ms"] / bare, 1)
        durable, ours = figures[kind]["durable_redis"]["p50_ms"], figures[kind]["sqlite"]
        ours["times_durable_redis"] = round(ours["p50_ms"] / durable, 1)
    return {"bus": figures}


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios of the rounds: a disturbance of a round affects both."""
    return middle([one / other for one, other in zip(ours, theirs, strict=True)])


def percentiles(seconds: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    ordered = sorted(seconds)
    at = {f"p{n}_ms": ordered[min(len(ordered) * n // 100, len(ordered) - 1)] for n in (50, 99)}
    return {name: round(value * MILLISECONDS, 2) for name, value in at.items()}


PARTS = {"queue": queue, "length": length, "bus": bus, "idle": idle}


def main(orders: int, rounds: int, only: str | None = None) -> None:
    """Measure and print the answer."""
    answer: dict[str, Any] = {"orders": orders, "cores": os.cpu_count()}
    answer["load_before"] = round(os.getloadavg()[0], 2)
    with bench() as here:
        for name in [only] if only else PARTS:
            answer |= PARTS[name](here, orders, rounds)
    answer["load_after"] = round(os.getloadavg()[0], 2)
    tell(answer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=PARTS)
    given = parser.parse_args()
    main(given.orders, given.rounds, given.only)
