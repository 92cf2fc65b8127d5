"""What happens later at the sandbox's payment provider: refunds, disputes, expiry; and who hears of it.

The provider has a clock of its own, which a test can set forward. Whatever is due by it happens at the
next call. Each change is an event: listed for 30 days and sent, signed, to the webhook endpoints.
Sources: https://docs.stripe.com/refunds, /payments/place-a-hold-on-a-payment-method, /disputes,
/testing (refunds and disputes), /api/events, /webhooks (signatures, retries).
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from sqlite3 import Connection, Row
from typing import Any

import httpx
import orjson

from agents.runtime.clock import clock
from agents.services.payments import stripe_objects as stripe
from agents.services.sandbox.idempotency import Parameters
from agents.services.sandbox.operation import Incoming, Refusal, Reply, slice_of
from agents.services.sandbox.record import transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS payment_clock (ahead REAL NOT NULL);
CREATE TABLE IF NOT EXISTS disputes (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, payment_intent TEXT NOT NULL,
  amount INTEGER NOT NULL, status TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payment_events (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, type TEXT NOT NULL,
  object TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhook_endpoints (
  id TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhook_deliveries (
  event INTEGER NOT NULL, endpoint TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL,
  PRIMARY KEY (event, endpoint)) WITHOUT ROWID;
"""

DAY = 86_400.0
HELD_SECONDS = 7 * DAY  # of a card that is not present
LISTED_SECONDS = 30 * DAY
REFUND_SECONDS = 60.0  # until a refund that begins as pending, or fails later, is decided
DELIVER_SECONDS, MOST_DELIVERIES = 0.2, 16
STILL_HELD = "status = 'requires_capture' AND authorised IS NOT NULL AND authorised <= ?"
REFUNDS = "SELECT r.*, m.metadata FROM refunds r LEFT JOIN refund_metadata m ON m.refund = r.id"
UNDECIDED = "due IS NOT NULL AND due <= ?"


def now(db: Connection) -> float:
    """The provider's time."""
    row = db.execute("SELECT ahead FROM payment_clock").fetchone()
    return clock().time() + (row["ahead"] if row else 0.0)


def set_forward(db: Connection, incoming: Incoming) -> Reply:
    """POST /payments/clock {"seconds"}: a test's way to let days pass."""
    ahead = now(db) - clock().time() + float(incoming.json()["seconds"])
    db.execute("DELETE FROM payment_clock")
    db.execute("INSERT INTO payment_clock VALUES (?)", (ahead,))
    happen(db)
    return Reply(200, {"now": now(db)})


def happen(db: Connection) -> None:
    """Let everything happen that is due."""
    at = now(db)
    for intent in db.execute(
        f"SELECT * FROM payment_intents WHERE {STILL_HELD}",  # noqa: S608 - a text of ours
        (at - HELD_SECONDS,),
    ).fetchall():
        db.execute(
            "UPDATE payment_intents SET status = 'canceled', cancelled_by = 'automatic' WHERE id = ?",
            (intent["id"],),
        )
        emit(db, "payment_intent.canceled", stripe.intent(find_intent(db, intent["id"])))
    due = db.execute(f"SELECT * FROM refunds WHERE {UNDECIDED}", (at,)).fetchall()  # noqa: S608 - ours
    for refund in due:
        _decide(db, refund)


def _decide(db: Connection, refund: Row) -> None:
    failed = refund["then_status"] == "failed"
    reason = "expired_or_canceled_card" if failed else None
    db.execute(
        "UPDATE refunds SET status = then_status, failure_reason = ?, due = NULL WHERE id = ?",
        (reason, refund["id"]),
    )
    decided = find_refund(db, refund["id"])
    shown = stripe.refund(decided, find_intent(db, refund["payment_intent"]))
    emit(db, "charge.refund.updated", shown)
    emit(db, "refund.failed" if failed else "refund.updated", shown)


def later(method: str, fault: str) -> tuple[str, str | None]:
    """The status of a new refund of this payment method, and the one that follows, if any."""
    if fault == "fail" or "refundFail" in method:
        return "succeeded", "failed"
    if fault == "pending" or "pendingRefund" in method:
        return "pending", "succeeded"
    if fault == "reject":
        return "pending", "failed"
    return "succeeded", None


def dispute(db: Connection, intent: Row) -> None:
    """The customer's bank takes the money back until the dispute is decided."""
    row = (f"du_{secrets.token_hex(12)}", int(now(db)), intent["id"], intent["received"])
    db.execute("INSERT INTO disputes VALUES (?, ?, ?, ?, 'needs_response')", row)
    created = db.execute("SELECT * FROM disputes WHERE id = ?", (row[0],)).fetchone()
    emit(db, "charge.dispute.created", stripe.dispute(created, intent))


def disputes(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/disputes?payment_intent=."""
    intent = find_intent(db, incoming.query.get("payment_intent", ""))
    rows = db.execute("SELECT * FROM disputes WHERE payment_intent = ?", (intent["id"],))
    return _list("/v1/disputes", [stripe.dispute(row, intent) for row in rows], more=False)


def close_dispute(db: Connection, incoming: Incoming) -> Reply:
    """POST /v1/disputes/{id}/close: the shop gives in, and the dispute is lost."""
    row = db.execute("SELECT * FROM disputes WHERE id = ?", (incoming.path["id"],)).fetchone()
    if row is None:
        raise Refusal(stripe.error(404, "resource_missing", "No such dispute", param="dispute"))
    db.execute("UPDATE disputes SET status = 'lost' WHERE id = ?", (row["id"],))
    closed = db.execute("SELECT * FROM disputes WHERE id = ?", (row["id"],)).fetchone()
    shown = stripe.dispute(closed, find_intent(db, row["payment_intent"]))
    emit(db, "charge.dispute.closed", shown)
    return Reply(200, shown)


def emit(db: Connection, kind: str, about: dict[str, Any]) -> None:
    """Record an event with the object as it is now, to be sent to every endpoint."""
    added = db.execute(
        "INSERT INTO payment_events (id, created, type, object) VALUES (?, ?, ?, ?)",
        (f"evt_{secrets.token_hex(12)}", int(now(db)), kind, orjson.dumps(about).decode()),
    )
    db.execute(
        "INSERT INTO webhook_deliveries SELECT ?, id, 0, 0 FROM webhook_endpoints",
        (added.lastrowid,),
    )


def events(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/events: the newest first, of the last 30 days."""
    asked, (_, _, limit) = incoming.query, slice_of(incoming)
    kinds = asked.getlist("types[]")  # type: ignore[attr-defined]  # Starlette's query
    since = max(float(asked.get("created[gte]", 0)), now(db) - LISTED_SECONDS)
    where, values = "created >= ?", [since, *kinds]
    if kinds:
        where += f" AND type IN ({', '.join('?' * len(kinds))})"
    if after := asked.get("starting_after"):
        where += " AND n < coalesce((SELECT n FROM payment_events WHERE id = ?), 0)"
        values.append(after)
    rows = db.execute(
        f"SELECT * FROM payment_events WHERE {where} ORDER BY n DESC LIMIT ?",  # noqa: S608 - ours
        (*values, limit + 1),
    ).fetchall()
    return _list("/v1/events", [_event(row) for row in rows[:limit]], more=len(rows) > limit)


def add_endpoint(db: Connection, incoming: Incoming, form: Parameters) -> Reply:
    """POST /v1/webhook_endpoints: the secret that signs is shown once."""
    del incoming
    made = (f"we_{secrets.token_hex(12)}", form.get("url", ""), f"whsec_{secrets.token_hex(16)}")
    if not made[1].startswith("http"):
        raise stripe.invalid("url", "url_invalid")
    db.execute("INSERT INTO webhook_endpoints VALUES (?, ?, ?)", made)
    body = {"id": made[0], "object": "webhook_endpoint", "url": made[1], "secret": made[2]}
    return Reply(200, body)


def signature(secret: str, at: int, payload: bytes) -> str:
    """The Stripe-Signature header of a payload."""
    signed = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


async def deliver(db: Connection) -> None:
    """Send events to the endpoints, again and again later until one answers with 2xx. Never ends."""
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
        while True:
            await asyncio.sleep(DELIVER_SECONDS)
            if db.execute("SELECT 1 FROM webhook_endpoints").fetchone() is None:
                continue
            with transaction(db):
                happen(db)
            due = db.execute(
                "SELECT d.*, e.url, e.secret, p.id, p.created, p.type, p.object"
                " FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint"
                " JOIN payment_events p ON p.n = d.event WHERE d.due <= ? ORDER BY d.event LIMIT 20",
                (time.time(),),
            ).fetchall()
            for row in due:
                await _deliver(client, db, row)


async def _deliver(client: httpx.AsyncClient, db: Connection, row: Row) -> None:
    payload, at = orjson.dumps(_event(row)), int(time.time())
    headers = {
        "Stripe-Signature": signature(row["secret"], at, payload),
        "Content-Type": "application/json",
    }
    try:
        taken = (await client.post(row["url"], content=payload, headers=headers)).is_success
    except httpx.HTTPError:
        taken = False
    where = "WHERE event = ? AND endpoint = ?"
    if taken or row["attempts"] + 1 >= MOST_DELIVERIES:
        db.execute(f"DELETE FROM webhook_deliveries {where}", (row["event"], row["endpoint"]))  # noqa: S608 - ours
        return
    db.execute(
        f"UPDATE webhook_deliveries SET attempts = attempts + 1, due = ? {where}",  # noqa: S608 - ours
        (time.time() + 2.0 ** row["attempts"], row["event"], row["endpoint"]),
    )


def find_intent(db: Connection, intent: str) -> Row:
    """The PaymentIntent with the status of its dispute. Raises Refusal."""
    row: Row | None = db.execute("SELECT * FROM payment_intents WHERE id = ?", (intent,)).fetchone()
    if row is None:
        raise Refusal(
            stripe.error(404, "resource_missing", "No such payment_intent", param="intent")
        )
    return row


def find_refund(db: Connection, refund: str) -> Row:
    """The refund with its metadata."""
    row: Row = db.execute(f"{REFUNDS} WHERE r.id = ?", (refund,)).fetchone()
    return row


def is_disputed(db: Connection, intent: str) -> bool:
    """Whether the payment was ever disputed."""
    found = db.execute("SELECT 1 FROM disputes WHERE payment_intent = ?", (intent,))
    return found.fetchone() is not None


def _event(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "object": "event",
        "api_version": "2024-06-20",
        "created": row["created"],
        "data": {"object": orjson.loads(row["object"])},
        "livemode": False,
        "type": row["type"],
    }


def _list(url: str, data: list[dict[str, Any]], *, more: bool) -> Reply:
    return Reply(200, {"object": "list", "url": url, "has_more": more, "data": data})
