"""The sandbox's payment provider: a faithful subset of Stripe's PaymentIntents and Refunds."""

import secrets
from sqlite3 import Connection, Row
from typing import Any
from urllib.parse import parse_qsl

import orjson

from agents.runtime.clock import clock
from agents.services.payments import stripe_objects as stripe
from agents.services.sandbox.idempotency import Act, Idempotent, Parameters
from agents.services.sandbox.operation import Incoming, Operation, Refusal, Reply, slice_of

SCHEMA = """
CREATE TABLE IF NOT EXISTS payment_intents (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, reference TEXT NOT NULL, amount INTEGER NOT NULL,
  currency TEXT NOT NULL, method TEXT, status TEXT NOT NULL, capture_method TEXT NOT NULL,
  received INTEGER NOT NULL DEFAULT 0 CHECK (received <= amount), metadata TEXT NOT NULL,
  last_error TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS payment_intents_by_reference ON payment_intents (reference);
CREATE TABLE IF NOT EXISTS refunds (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, payment_intent TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refunds_by_payment ON refunds (payment_intent);
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key TEXT PRIMARY KEY, created REAL NOT NULL, fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
"""

MOST_AMOUNT = 99_999_999


def create(db: Connection, _: Incoming, form: Parameters) -> Reply:
    """POST /v1/payment_intents: no money moves."""
    amount, currency = stripe.amount(form, "amount", MOST_AMOUNT), form.get("currency", "")
    metadata = stripe.metadata(form)
    method = stripe.method(form)
    if len(currency) != 3 or not currency.isalpha():
        raise stripe.invalid(
            "currency", "parameter_missing" if not currency else "parameter_invalid"
        )
    intent = f"pi_{secrets.token_hex(12)}"
    db.execute(
        "INSERT INTO payment_intents"
        " (id, created, reference, amount, currency, method, status, capture_method, metadata)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            intent,
            int(clock().time()),
            metadata.get("reference", ""),
            amount,
            currency.lower(),
            method,
            "requires_confirmation" if method else "requires_payment_method",
            form.get("capture_method", "automatic_async"),
            orjson.dumps(metadata).decode(),
        ),
    )
    return Reply(200, stripe.intent(_intent(db, intent)))


def confirm(db: Connection, incoming: Incoming, form: Parameters) -> Reply:
    """POST .../confirm: ask the bank to hold the money."""
    row = _known(db, incoming)
    method = stripe.method(form) or row["method"]
    if row["status"] not in ("requires_confirmation", "requires_payment_method") or not method:
        return stripe.unexpected_state(row, "confirm")
    declined = "generic_decline" if incoming.fault == "decline" else stripe.decline_code(method)
    if declined:
        _update(db, row, status="requires_payment_method", method=None, last_error=declined)
        return stripe.declined(_intent(db, row["id"]), declined)
    if stripe.needs_authentication(method):
        _update(db, row, status="requires_action", method=method)
    elif row["capture_method"] == "manual":
        _update(db, row, status="requires_capture", method=method, last_error=None)
    else:
        _update(db, row, status="succeeded", method=method, received=row["amount"], last_error=None)
    return Reply(200, stripe.intent(_intent(db, row["id"])))


def capture(db: Connection, incoming: Incoming, form: Parameters) -> Reply:
    """POST .../capture: take the money; the rest is released."""
    row = _known(db, incoming)
    amount = row["amount"]
    if "amount_to_capture" in form:
        amount = stripe.amount(form, "amount_to_capture", row["amount"])
    if row["status"] != "requires_capture":
        return stripe.unexpected_state(row, "capture")
    _update(db, row, status="succeeded", received=amount)
    return Reply(200, stripe.intent(_intent(db, row["id"])))


def cancel(db: Connection, incoming: Incoming, _: Parameters) -> Reply:
    """POST .../cancel: no money can be taken after it."""
    row = _known(db, incoming)
    if row["status"] in ("succeeded", "canceled"):
        return stripe.unexpected_state(row, "cancel")
    _update(db, row, status="canceled")
    return Reply(200, stripe.intent(_intent(db, row["id"])))


def refund(db: Connection, _: Incoming, form: Parameters) -> Reply:
    """POST /v1/refunds: return money, at most what was taken."""
    row = _intent(db, form.get("payment_intent", ""))
    if row["status"] != "succeeded":
        return stripe.unexpected_state(row, "refund")
    left = row["received"] - _refunded(db, row["id"])
    if left <= 0:
        return stripe.error(
            400, "charge_already_refunded", "This charge has already been refunded."
        )
    amount = stripe.amount(form, "amount", left) if "amount" in form else left
    number = f"re_{secrets.token_hex(12)}"
    db.execute(
        "INSERT INTO refunds VALUES (?, ?, ?, ?)", (number, int(clock().time()), row["id"], amount)
    )
    found = db.execute("SELECT * FROM refunds WHERE id = ?", (number,)).fetchone()
    return Reply(200, stripe.refund(found, row))


def find(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/payment_intents/{id}."""
    return Reply(200, stripe.intent(_known(db, incoming)))


def listed(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/payment_intents: the newest first, a page of them."""
    _, _, limit = slice_of(incoming)
    where, values = "", tuple[Any, ...]()
    if after := incoming.query.get("starting_after"):
        row = _intent(db, after)
        where, values = "WHERE (created, id) < (?, ?)", (row["created"], row["id"])
    rows = db.execute(
        f"SELECT * FROM payment_intents {where} ORDER BY created DESC, id DESC LIMIT ?",  # noqa: S608 - a text of ours
        (*values, limit + 1),
    ).fetchall()
    expands = incoming.query.get("expand[]") == "data.latest_charge"
    data = [_shown(db, row, expands=expands) for row in rows[:limit]]
    more = len(rows) > limit
    return Reply(
        200, {"object": "list", "url": "/v1/payment_intents", "has_more": more, "data": data}
    )


def _shown(db: Connection, row: Row, *, expands: bool) -> dict[str, Any]:
    shown = stripe.intent(row)
    if expands and shown["latest_charge"]:
        shown["latest_charge"] = stripe.charge(row, _refunded(db, row["id"]))
    return shown


def refunds(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/refunds?payment_intent=."""
    row = _intent(db, incoming.query.get("payment_intent", ""))
    found = db.execute(
        "SELECT * FROM refunds WHERE payment_intent = ? ORDER BY created DESC, id", (row["id"],)
    )
    data = [stripe.refund(one, row) for one in found]
    return Reply(200, {"object": "list", "url": "/v1/refunds", "has_more": False, "data": data})


def _idempotent(allowed: frozenset[str], act: Act) -> Idempotent:
    """A POST: the same key brings the same answer, the same key with other parameters an error."""
    return Idempotent(lambda incoming: stripe.form(incoming.content, allowed), act)


def _known(db: Connection, incoming: Incoming) -> Row:
    return _intent(db, incoming.path["id"])


def _intent(db: Connection, intent: str) -> Row:
    row: Row | None = db.execute("SELECT * FROM payment_intents WHERE id = ?", (intent,)).fetchone()
    if row is None:
        raise Refusal(
            stripe.error(404, "resource_missing", "No such payment_intent", param="intent")
        )
    return row


def _update(db: Connection, row: Row, **values: Any) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    db.execute(
        f"UPDATE payment_intents SET {columns} WHERE id = ?",  # noqa: S608 - columns of ours
        (*values.values(), row["id"]),
    )


def _refunded(db: Connection, intent: str) -> int:
    rows = db.execute(
        "SELECT coalesce(sum(amount), 0) FROM refunds WHERE payment_intent = ?", (intent,)
    )
    return int(rows.fetchone()[0])


def _subject(db: Connection, incoming: Incoming) -> tuple[str, str]:
    form = dict(parse_qsl(incoming.content.decode("utf-8", "replace")))
    intent = (
        incoming.path.get("id")
        or form.get("payment_intent")
        or incoming.query.get("payment_intent")
    )
    row = db.execute("SELECT reference FROM payment_intents WHERE id = ?", (intent,)).fetchone()
    reference = row["reference"] if row is not None else form.get("metadata[reference]", "")
    return incoming.headers.get("idempotency-key", ""), reference


ONE = "/v1/payment_intents/{id}"
CREATE = frozenset(
    {
        "amount",
        "currency",
        "payment_method",
        "capture_method",
        "payment_method_types",
        "metadata",
        "confirm",
        "description",
    }
)
OPERATIONS = (
    Operation(
        "payments.open",
        "POST",
        "/v1/payment_intents",
        _subject,
        _idempotent(CREATE - {"confirm"}, create),
    ),
    Operation("payments.list", "GET", "/v1/payment_intents", _subject, listed),
    Operation("payments.find", "GET", ONE, _subject, find),
    Operation(
        "payments.authorise",
        "POST",
        ONE + "/confirm",
        _subject,
        _idempotent(frozenset({"payment_method"}), confirm),
        faults=("decline",),
    ),
    Operation(
        "payments.capture",
        "POST",
        ONE + "/capture",
        _subject,
        _idempotent(frozenset({"amount_to_capture"}), capture),
    ),
    Operation(
        "payments.cancel",
        "POST",
        ONE + "/cancel",
        _subject,
        _idempotent(frozenset({"cancellation_reason"}), cancel),
    ),
    Operation(
        "payments.refund",
        "POST",
        "/v1/refunds",
        _subject,
        _idempotent(frozenset({"payment_intent", "amount", "reason", "metadata"}), refund),
    ),
    Operation("payments.refunds", "GET", "/v1/refunds", _subject, refunds),
)
