"""The real flow on the HTTP sandbox, and its providers' calls alone: the difference is orchestration.

python -m tests.benchmarks.real_flow (flow|alone) --folder F, with F as `write_orders` leaves it.
"""

import argparse
import asyncio
import csv
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson
import psutil

from agents.orders import sample
from agents.orders.book_shipment import book_shipment
from agents.orders.models import Booked, Order
from agents.orders.notify_customer import notify_customer
from agents.orders.payments import authorise_payment, capture_payment, open_payment
from agents.orders.read_orders import read_orders
from agents.orders.reserve_stock import issue_stock, reserve_stock
from agents.orders.rules import Outcome, assess, customer_message, needs_approval
from agents.runtime.context import spare_garbage_collector
from agents.runtime.execution.agent import EffectKey, Reference
from agents.runtime.intake.intake import Submission
from agents.runtime.model.item import Notice
from agents.runtime.model.policies import EFFECT
from agents.runtime.provided import with_services
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.services.carriers.sandbox import TERMS
from agents.services.sandbox.address import read_address
from agents.services.sandbox.process import stop_sandbox
from agents.workflow.records import canonical
from flows.order_processing import process_orders
from tests.benchmarks.machine import tell

WARM_UP = 32
PLENTY = 10_000_000
BOOKED = Booked(carrier="swift", tracking_id="SW0000000000")
AGENTS_OF_AN_ORDER: tuple[Any, ...] = (
    reserve_stock,
    open_payment,
    authorise_payment,
    capture_payment,
    book_shipment,
    issue_stock,
    notify_customer,
)


def write_orders(folder: Path, count: int) -> None:
    """Sample orders that are shipped, copied under new ids, and stock for all of them."""
    weights = {sku: int(weight) for sku, _, weight in _stock()}
    rows = [(sku, PLENTY, weight) for sku, weight in weights.items()]
    with (folder / "stock.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("sku", "on_hand", "weight_grams"), *rows])
    candidates = [c for c in read_orders(str(sample.ORDERS)) if isinstance(c, Submission)]
    good = [c.payload for c in candidates if _goes_through(c.payload, weights)]
    copies = islice(enumerate(cycle(good)), WARM_UP + count)
    lines = [canonical(o.model_copy(update={"order_id": f"B{n:07d}"})) + "\n" for n, o in copies]
    (folder / "warm.jsonl").write_text("".join(lines[:WARM_UP]), encoding="utf-8")
    (folder / "orders.jsonl").write_text("".join(lines[WARM_UP:]), encoding="utf-8")


def _stock() -> Iterator[list[str]]:
    with sample.STOCK.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        yield from rows


def _goes_through(order: Order, weights: dict[str, int]) -> bool:
    weight = sum(weights[line.sku] * line.quantity for line in order.lines)
    return not needs_approval(assess(order)) and weight <= TERMS["bulky"].most_grams


async def _flow(folder: Path) -> dict[str, float]:
    """Seconds from the open run to its report, without the start of server and sandbox."""
    stock, seconds, before = str(folder / "stock.csv"), 0.0, Used()
    for name in ("warm", "orders"):
        source, before = folder / f"{name}.jsonl", used()
        report = await process_orders(str(source), faults="none", stock=stock)
        expected = len(source.read_bytes().splitlines())
        assert report.outcomes["shipped"] == report.messages["sent"] == expected, report
        seconds = report.seconds
    return {"seconds": seconds} | used().since(before)


async def _alone(folder: Path) -> dict[str, float]:
    """Seconds of the same calls with the same clients and concurrency, without the runtime."""
    seconds, before = 0.0, Used()
    spare_garbage_collector()  # as open_runtime does, so that both have it
    async with connect_services(settings(), stock=folder / "stock.csv"):
        for name in ("warm", "orders"):
            found, before = read_orders(str(folder / f"{name}.jsonl")), used()
            orders = [c.payload for c in found if isinstance(c, Submission)]
            seconds = await _call_all(orders)
    return {"seconds": seconds} | used().since(before)


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds of this process and of the sandbox's, and the sandbox's calls."""

    own: float = 0.0
    sandbox: float = 0.0
    calls: int = 0

    def since(self, before: "Used") -> dict[str, float]:
        """What was used since then."""
        return {
            "own_processor_s": self.own - before.own,
            "sandbox_processor_s": self.sandbox - before.sandbox,
            "calls": self.calls - before.calls,
        }


def used() -> Used:
    """What was used up to now; a sandbox that has not started has used nothing."""
    own, data = time.process_time(), settings().data
    if (address := read_address(data)) is None:
        return Used(own)
    spent = psutil.Process(address.pid).cpu_times()
    with closing(sqlite3.connect(data / "sandbox.db")) as record:
        (calls,) = record.execute("SELECT count(*) FROM calls").fetchone()
    return Used(own, spent.user + spent.system, calls)


async def _call_all(orders: Sequence[Order]) -> float:
    work = iter([(order, _notice(order)) for order in orders])
    calls = [with_services(one.function) for one in AGENTS_OF_AN_ORDER]

    async def worker() -> None:
        for order, notice in work:
            await _call(calls, order, notice)

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(EFFECT.concurrency)))
    return time.perf_counter() - begun


def _notice(order: Order) -> Notice:
    message = customer_message(order, Outcome.SHIPPED, booked=BOOKED)
    return Notice("order.shipped", message.channel, orjson.dumps(asdict(message)).decode())


async def _call(calls: Sequence[Callable[..., Any]], order: Order, notice: Notice) -> None:
    def key(agent: str) -> EffectKey:
        return EffectKey(f"default:orders:{order.order_id}:{agent}:0")

    reserve, open_, authorise, capture, book, issue, notify = calls
    held = await reserve(order, key("reserve_stock"))
    reference = Reference(order.order_id)
    opened = await open_(order, key("open_payment"), reference)
    await authorise(order, opened, key("authorise_payment"))
    paid = await capture(order, opened, key("capture_payment"))
    booked = await book(order, held, paid, key("book_shipment"), reference)
    await issue(order, held, booked)
    await notify(order, notice, key("notify_customer:order.shipped:email"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("flow", "alone"))
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    try:
        measure = _flow if given.mode == "flow" else _alone
        tell(asyncio.run(measure(given.folder)))
    finally:
        stop_sandbox(settings().data)
