"""A large journal on SQLite, written past the application: orders in the proportions of a busy shop."""

import sqlite3
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import orjson

from agents.runtime.journal.hour_counts import HOUR
from tests.deployments.gateway.orders import order

DAYS = 30
LONG = "K0000000"  # the item with many events
# Of 10,000 orders so many are not completed, which is far more than a shop would bear.
STATES = {"dead_lettered": 60, "waiting": 25, "pending": 200, "processing": 2, "failed": 100}
ITEM = (
    "INSERT INTO items (id, tenant, scenario, key, version, state, fence, deaths, sequence,"
    " cancel_requested, retry_at, waiting_since, outcome, priority, rank, trace, accepted_at,"
    " ended_at, body_hash, body, customer) VALUES (?, 'default', 'orders', ?, '1', ?, 1, 0, 3, 0,"
    " ?, ?, ?, 'normal', ?, ?, ?, ?, 'h', ?, ?)"
)
STEP = (
    "INSERT INTO stages (item, agent, occurrence, version, status, attempts, at, output, error)"
    " VALUES (?, ?, 0, '1', ?, 3, ?, NULL, ?)"
)
LETTER = (
    "INSERT INTO dead_letters (item, at, agent, version, attempts, error_type, error, status, count)"
    " VALUES (?, ?, 'book_shipment', '1', 5, ?, 'no carrier takes the parcel', 'open', 1)"
)
EVENT = (
    "INSERT INTO history (item, sequence, at, event, source, target, fence) VALUES"
    " (?, ?, ?, 'delay', 'processing', 'pending', 1)"
)
AUDIT = (
    'INSERT INTO audit (at, tenant, "by", act, object, reason, before, after) VALUES'
    " (?, 'default', ?, 'replay', ?, 'the carrier is back', '{}', '{}')"
)


def write_many(path: Path, count: int, events: int) -> None:
    """Write `count` orders of the last DAYS days into a migrated journal; one has `events` events."""
    now = time.time()
    bodies = [
        (orjson.dumps(body).decode(), body["customer"]["id"]) for body in map(order, range(50))
    ]
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(ITEM, _items(now, count, bodies))
        stopped = list(_stopped(now, count))
        connection.executemany(STEP, [step for step, _ in stopped])
        connection.executemany(LETTER, [letter for _, letter in stopped if letter])
        long = ((1, number, now - events + number) for number in range(1, events + 1))
        connection.executemany(EVENT, long)
        connection.executemany(AUDIT, _audit(now, count // 20))
        connection.executemany(
            "INSERT INTO hour_counts VALUES ('default', 'orders', ?, ?, 0, ?)",
            (
                (int(now // HOUR) - hour, name, count // DAYS // 24)
                for hour in range(24 * DAYS)
                for name in ("accepted", "completed", "failed", "dead_lettered")
            ),
        )
    connection.close()


def _state(number: int) -> str:
    place, end = number % 10_000, 0
    for state, share in STATES.items():
        end += share
        if place < end:
            return state
    return "completed"


def _items(now: float, count: int, bodies: list[tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    step = DAYS * 86_400 / count
    for number, (body, customer) in enumerate(islice(cycle(bodies), count)):
        state, at = _state(number), now - number * step
        ended = at + 3 if state in {"completed", "failed", "dead_lettered"} else None
        outcome = {"completed": "shipped", "failed": "rejected"}.get(state)
        yield (
            *(number + 1, f"K{number:07}", state),
            now + number % 600 if state == "pending" and number % 2 else None,
            at if state == "waiting" else None,
            *(outcome, float(number), f"{number:032x}", at, ended, body),
            customer if number >= count // 2 else f"customer{number // 4}",
        )


def _stopped(now: float, count: int) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...] | None]]:
    step = DAYS * 86_400 / count
    first = STATES["dead_lettered"] + STATES["waiting"]
    for start in range(0, count, 10_000):
        for number in range(start, min(start + first, count)):
            at = now - number * step
            if _state(number) == "waiting":
                yield (number + 1, "assess_risk", "waiting", at, "a risk of 71: total"), None
            else:
                kind = ("NoCarrier", "SystemDown", "AddressUnknown")[number % 3]
                letter = (number + 1, at, kind)
                yield (number + 1, "book_shipment", "failed", at, kind), letter


def _audit(now: float, count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        yield now - number, f"person {number % 7}", f"item orders/K{number:07}"


def pages(count: int) -> dict[str, str]:
    """Pages of the console and answers of the API, by name, with what makes each read most."""
    middle = f"K{count // 2:07}"
    return {
        "overview": "/console",
        "approvals": "/console/approvals",
        "dead letters": "/console/dead-letters",
        "group": "/console/dead-letters/orders?agent=book_shipment&error_type=NoCarrier",
        "list": "/console/items",
        "by state": "/console/items?state=completed",
        "by error": "/console/items?error=no+such+error",
        "by stage": "/console/items?agent=book_shipment&state=dead_lettered",
        "by customer": "/console/items?q=customer7",
        "by key": f"/console/items?q={middle[:6]}",
        "item": f"/console/items/orders/{middle}",
        "long item": f"/console/items/orders/{LONG}",
        "edit": "/console/edit/orders/K0000000",
        "runs": "/console/runs",
        "versions": "/console/versions",
        "analyses": "/console/analyses",
        "audit": "/console/audit",
        "audit by": "/console/audit?by=person+3",
        "API list": "/v/orders",
        "API by outcome": "/v/orders?outcome=shipped",
        "API by prefix": f"/v/orders?key_prefix={middle[:6]}",
        "API long item": f"/v/orders/{LONG}",
        "API queues": "/queues",
    }
