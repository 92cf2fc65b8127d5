"""A journal as an operator finds it: orders in every state, with steps, effects and history."""

import time
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal import hour_counts
from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import dead_letters, effects, history, items, owners, steps
from agents.runtime.model.item import Failure
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from tests.deployments.gateway.orders import order

INSTALLATION = "0123456789abcdef"
RUN = "7d3c2f5e-1111-4c4c-9d9d-222233334444"
OWNER = f"shop-1:4711@{RUN}"
FACTS: dict[str, dict[str, Any]] = {
    "assess_risk": {"risk": 12, "reasons": []},
    "reserve_stock": {"reservation": "res_01J9", "weight_grams": 1_250},
    "open_payment": {"payment": "pi_3Nk2"},
    "authorise_payment": {"payment": "pi_3Nk2"},
    "capture_payment": {"payment": "pi_3Nk2", "amount": 0},
    "book_shipment": {"carrier": "north-express", "tracking_id": "NX-204418"},
    "issue_stock": {"reservation": "res_01J9"},
}
STAGES = tuple(FACTS)
WITHOUT_EFFECT = "assess_risk"


@dataclass
class Story:
    """How far one order came: `done` stages, and what stopped it there."""

    number: int
    state: str
    done: int = 0
    age: float = 600.0
    outcome: str | None = None
    error: str = ""
    error_type: str = ""
    waiting: bool = False
    retry_in: float | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = order(self.number)["order_id"]

    @property
    def ended(self) -> bool:
        return self.state in {"completed", "failed", "cancelled", "dead_lettered"}

    @property
    def stage(self) -> str:
        """The stage that it has not done."""
        return STAGES[min(self.done, 6)]


STORIES = (
    *(Story(number, "completed", 7, 300.0 + 700 * number, "shipped") for number in range(12)),
    Story(12, "waiting", 0, 5_400, error="a risk of 71: total, new customer", waiting=True),
    Story(13, "waiting", 0, 900, error="a risk of 64: country", waiting=True),
    Story(
        14,
        "dead_lettered",
        5,
        8_000,
        error="no carrier takes the parcel: postal code 99999",
        error_type="NoCarrier",
    ),
    Story(
        15,
        "dead_lettered",
        5,
        7_000,
        error="no carrier takes the parcel: postal code 00000",
        error_type="NoCarrier",
    ),
    Story(
        16,
        "dead_lettered",
        2,
        600,
        error="the payment provider answers 503",
        error_type="SystemDown",
    ),
    Story(17, "pending", 3, 240, error="the payment provider answers 503", retry_in=90.0),
    Story(18, "processing", 4, 6),
    Story(19, "pending", 0, 2),
    Story(20, "compensating", 4, 30, error="the card was declined", error_type="Declined"),
    Story(
        21, "failed", 0, 3_000, "rejected", error="SKU-1 is out of stock", error_type="OutOfStock"
    ),
    Story(22, "cancelled", 0, 50_000, "cancelled"),
)


async def fill(database: Database, stories: tuple[Story, ...] = STORIES) -> None:
    """Write the orders of these stories."""
    async with database.write() as connection:
        owner = {"id": OWNER, "host": "shop-1", "pid": 4711, "flow_run": RUN}
        await _add(connection, owners, [owner | {"lease": 15.0, "beat_at": time.time()}])
        for story in stories:
            await _write(connection, story)


async def _write(connection: AsyncConnection, story: Story) -> None:
    accepted = time.time() - story.age
    done = [(agent, accepted + 0.4 * (n + 1)) for n, agent in enumerate(STAGES[: story.done])]
    stop = done[-1][1] if done else accepted + 0.2
    events = _events(story, accepted, stop)
    row = _item(story, accepted, stop) | {"sequence": len(events)}
    made = await connection.execute(insert(items).values(**row))
    assert made.inserted_primary_key is not None
    key: int = made.inserted_primary_key[0]
    await _add(connection, history, [{"item": key} | event for event in events])
    await _add(connection, steps, [{"item": key} | step for step in _steps(story, done, stop)])
    await _add(connection, effects, [{"item": key} | effect for effect in _effects(story, done)])
    if story.state == "dead_lettered":
        await _add(connection, dead_letters, [{"item": key} | _letter(story, stop)])
    await hour_counts.add(connection, [key], hour_counts.ACCEPTED)
    if story.ended:
        await hour_counts.add(connection, [key], story.state)


def _item(story: Story, accepted: float, stop: float) -> dict[str, Any]:
    now, body = time.time(), orjson.dumps(order(story.number)).decode()
    failed = story.state not in {"completed", "waiting", "pending", "processing"}
    failure = Failure(
        story.stage, story.error_type or "Cancelled", story.error or "cancelled on request"
    )
    return {
        "tenant": "default",
        "scenario": "orders",
        "key": story.key,
        "version": "1",
        "state": story.state,
        "owner": OWNER if story.state in {"processing", "compensating"} else None,
        "fence": 1,
        "crash_count": 0,
        "cancel_requested": False,
        "retry_at": now + story.retry_in if story.retry_in else None,
        "waiting_since": stop if story.waiting else None,
        "outcome": story.outcome,
        "failure": orjson.dumps(failure).decode() if failed else None,
        "priority": "normal",
        "rank": float(story.number),
        "trace": new_trace(),
        "accepted_at": accepted,
        "ended_at": stop + 0.3 if story.ended else None,
        "body_hash": hash_of(body),
        "body": body,
        "customer": order(story.number)["customer"]["id"],
    }


def _letter(story: Story, stop: float) -> dict[str, Any]:
    return {
        "at": stop,
        "agent": story.stage,
        "version": "1",
        "attempts": 5,
        "error_type": story.error_type,
        "error": story.error,
        "status": "open",
        "count": 1,
    }


def _events(story: Story, accepted: float, stop: float) -> list[dict[str, Any]]:
    last = {
        "completed": ("complete", "processing"),
        "waiting": ("park", "processing"),
        "dead_lettered": ("dead_letter", "processing"),
        "pending": ("delay", "processing"),
        "compensating": ("fail", "processing"),
        "failed": ("end_failed", "compensating"),
        "cancelled": ("end_cancelled", "compensating"),
    }
    found = [
        (accepted, "accept", None, "pending", None),
        (accepted + 0.1, "claim", "pending", "processing", OWNER),
    ]
    if story.state in last and (story.state, story.done) != ("pending", 0):
        event, source = last[story.state]
        found.append((stop + 0.3, event, source, story.state, OWNER))
    return [
        {
            "sequence": sequence,
            "at": at,
            "event": event,
            "source": source,
            "target": target,
            "owner": owner,
            "fence": min(sequence - 1, 1),
            "detail": story.error if sequence == 3 and story.error else None,
        }
        for sequence, (at, event, source, target, owner) in enumerate(found, 1)
    ]


def _steps(story: Story, done: list[tuple[str, float]], stop: float) -> list[dict[str, Any]]:
    rows = [
        {
            "agent": agent,
            "occurrence": 0,
            "version": "1",
            "status": "done",
            "attempts": 0,
            "at": at,
            "output": orjson.dumps(_fact(story, agent)).decode(),
            "error": None,
        }
        for agent, at in done
    ]
    if story.error:
        status = "waiting" if story.waiting else "delayed" if story.retry_in else "failed"
        rows.append(
            {
                "agent": story.stage,
                "occurrence": 0,
                "version": "1",
                "status": status,
                "attempts": 0 if story.waiting else 3,
                "at": stop,
                "output": None,
                "error": story.error,
            }
        )
    return rows


def _fact(story: Story, agent: str) -> dict[str, Any]:
    total = order(story.number)["total"]
    return FACTS[agent] | ({"amount": total} if agent == "capture_payment" else {})


def _effects(story: Story, done: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [
        {
            "agent": agent,
            "occurrence": 0,
            "key": f"{INSTALLATION}:default:orders:{story.key}:{agent}:0",
            "status": "done",
            "intended_at": at - 0.25,
            "generation": 0,
        }
        for agent, at in done
        if agent != WITHOUT_EFFECT
    ]


async def _add(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(table), rows)
