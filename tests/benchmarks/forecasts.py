"""What forecasts cost where items are accepted, and what their training costs.

    uv run --group dev python -m tests.benchmarks.forecasts

Orders of a shop are forecast by a model with boosted trees for three of their eight agents, as it is after
the history of 20,000 orders. `new` are items whose features no item had before, `alike` those that have
the features of an earlier one, as most have after a while. Beside it, what it costs to validate and accept
the same orders without a forecast. All are milliseconds of processor time; the last line is one JSON object.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from math import exp, sqrt
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import orjson

from agents.orders.read_orders import ORDER_RECORDS
from agents.orders.scenario import ORDERS
from agents.runtime.files import write_whole
from agents.runtime.forecast_registry import FOLDER, MODEL, ForecastCard, Forecasts
from agents.runtime.forecaster import Forecaster, features_of
from agents.runtime.journal.database import Database
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.scenario import hash_of
from agents.runtime.model_registry import Interval
from agents.runtime.scheduling.features import Example
from agents.runtime.scheduling.forecasting import Model, fit
from agents.runtime.trace_context import new_trace
from flows.operations.boosting import lightgbm

AGENTS = {"assess_risk": 0.0001, "reserve_stock": 0.05, "open_payment": 0.2, "authorise_payment": 0.3,
          "capture_payment": 0.3, "book_shipment": 0.8, "confirm_reservation": 0.05, "close": 0.001}  # fmt: skip
BY_SIZE = {"reserve_stock", "book_shipment", "authorise_payment"}
ORDERS_LEARNED = 20_000
BATCH = 256
BLOCKS = 9
COUNTRIES = ("IE", "US", "DE", "FR", "CN")


def order(number: int, random: Random) -> str:
    """The body of an order with one to thirty lines."""
    lines: list[dict[str, Any]] = [
        {
            "sku": f"SKU-{n}",
            "name": "A thing",
            "quantity": random.randint(1, 9),
            "unit_price": 1_250,
        }
        for n in range(random.choice((1, 1, 2, 3, 5, 30)))
    ]
    body = {
        "order_id": f"W{number}",
        "placed_at": "2026-11-28T09:30:00Z",
        "customer": {"id": "C-1", "name": "Ada Byron", "email": "ada@example.com"},
        "address": {"line1": "12 Market Street", "city": "Dublin", "postal_code": "D02",
                    "country": random.choice(COUNTRIES)},
        "currency": "EUR",
        "lines": lines,
        "total": sum(line["quantity"] * 1_250 for line in lines),
        "payment_method": "pm_card_visa",
    }  # fmt: skip
    return json.dumps(body)


def history(random: Random) -> list[Example]:
    """What the agents took on orders of the past; three of them depend on the order."""
    found = []
    for number in range(ORDERS_LEARNED):
        body = order(number, random)
        payload = ORDERS.read(body, ORDERS.version)
        here = features_of(
            ORDERS, "default", body, payload, at=number * 60.0, load=random.randint(0, 500)
        )
        for agent, seconds in AGENTS.items():
            scale = sqrt(len(payload.lines)) if agent in BY_SIZE else 1.0
            took = seconds * scale * exp(random.gauss(0, 0.3))
            found.append(Example(here, agent, took, number * 60.0, number, "1"))
    return found


def promote(folder: Path, model: Model) -> None:
    """Make the model the promoted one of the data folder."""
    one = Interval(value=1, low=1, high=1)
    card = ForecastCard(
        version="bench", gain=one, made_at=0, until=0, learned=0, judged=0, loss=0, loss_of_mean=0,
        loss_of_ewma=0, coverage=0, concordance=0, agents={},
    )  # fmt: skip
    models = Forecasts(folder / FOLDER)
    write_whole(models.path("bench") / MODEL, orjson.dumps(model.dump()).decode())
    models.challenge(card, "", None)


def milliseconds(work: Callable[[int], Any]) -> float:
    """The median over blocks of what the work takes, given the number of the block."""
    taken = []
    for block in range(BLOCKS):
        begun = time.process_time()
        work(block)
        taken.append((time.process_time() - begun) * 1_000)
    return median(taken)


async def accepted(database: Database, bodies: list[str]) -> float:
    """Milliseconds to validate and accept the orders, without a forecast."""
    begun = time.process_time()
    new = []
    for body in bodies:
        key, text = ORDER_RECORDS.validate(json.loads(body))
        new.append(NewItem(key, text, hash_of(text), new_trace()))
    await accept(database, Sender.of("default", ORDERS), new)
    return (time.process_time() - begun) * 1_000


async def measure(folder: Path, random: Random) -> dict[str, float]:
    """All figures."""
    examples = history(random)
    begun = time.process_time()
    model = fit(examples, lightgbm())
    trained = time.process_time() - begun
    promote(folder, model)
    database = Database(f"sqlite+aiosqlite:///{folder / 'journal.db'}")
    await database.migrate()
    forecaster = Forecaster(folder, database)
    await forecaster.open()
    batches = [
        [order(1_000_000 + block * BATCH + n, random) for n in range(BATCH)]
        for block in range(BLOCKS)
    ]
    offered = [[(b, ORDERS.read(b, ORDERS.version)) for b in bodies] for bodies in batches]

    def forecast(count: int, *, new: bool) -> Callable[[int], Any]:
        def work(block: int) -> None:
            if new:
                forecaster.durations.model._known.clear()  # as if no item was like these
            forecaster.forecasts(ORDERS, "default", offered[block][:count])

        return work

    for every in offered:
        forecaster.forecasts(ORDERS, "default", every)
    alike = [milliseconds(forecast(count, new=False)) for count in (BATCH, 1)]
    figures = {
        "trees": len(model.boosted),
        "train_seconds": trained,
        "model_kilobytes": (folder / FOLDER / "models" / "bench" / MODEL).stat().st_size / 1_000,
        "new_256": milliseconds(forecast(BATCH, new=True)),
        "alike_256": alike[0],
        "new_1": milliseconds(forecast(1, new=True)),
        "alike_1": alike[1],
        "accept_256": median([await accepted(database, bodies) for bodies in batches]),
    }
    await forecaster.close()
    await database.close()
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder), Random(7)))
    for name, value in figures.items():
        sys.stdout.write(f"{name:>16} {value:10.3f}\n")
    sys.stdout.write(json.dumps({name: round(value, 4) for name, value in figures.items()}) + "\n")


if __name__ == "__main__":
    main()
