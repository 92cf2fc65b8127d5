"""The sandbox's payment provider: a faithful subset of Stripe's PaymentIntents and Refunds."""

import secrets
from collections.abc import Callable
from sqlite3 import Connection, Row
from typing import Any
from urllib.parse import parse_qsl

import orjson

from agents.services.payments import sandbox_later
from agents.services.payments import stripe_objects as stripe
from agents.services.payments.sandbox_later import (
    add_endpoint,
    close_dispute,
    disputes,
    events,
    find_intent,
    happen,
    is_disputed,
    now,
    set_forward,
)
from agents.services.payments.stripe_currencies import LARGEST, is_counted, multiple
from agents.services.sandbox.idempotency import Act, Idempotent, Parameters
from agents.services.sandbox.operation import (
    Incoming,
    Operation,
    Reply,
    by_none,
    slice_of,
)

TABLES = """
CREATE TABLE IF NOT EXISTS payment_intents (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, reference TEXT NOT NULL, amount INTEGER NOT NULL,
  currency TEXT NOT NULL, method TEXT, status TEXT NOT NULL, capture_method TEXT NOT NULL,
  received INTEGER NOT NULL DEFAULT 0 CHECK (received <= amount), metadata TEXT NOT NULL,
  last_error TEXT, authorised REAL, cancelled_by TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS payment_intents_by_reference ON payment_intents (reference);
CREATE TABLE IF NOT EXISTS refunds (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, payment_intent TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount > 0), status TEXT NOT NULL DEFAULT 'succeeded',
  then_status TEXT, due REAL, failure_reason TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refunds_by_payment ON refunds (payment_intent);
CREATE TABLE IF NOT EXISTS refund_metadata (
  refund TEXT PRIMARY KEY, metadata TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key TEXT PRIMARY KEY, created REAL NOT NULL, fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
"""

SCHEMA = TABLES + sandbox_later.SCHEMA
BACKGROUND = sandbox_later.deliver

Work = Callable[[Connection, Incoming], Reply]

# The least that is charged. What Stripe really checks is the amount in the currency in which the account
# is paid out. Source: https://docs.stripe.com/currencies, "Minimum and maximum charge amounts"
LEAST = dict.fromkeys("AUD BRL CAD CHF EUR INR NZD SGD USD".split(), 50)  # noqa: SIM905 - a list of codes
LEAST |= {"AED": 200, "BGN": 100, "CZK": 1_500, "DKK": 250, "GBP": 30, "HKD": 400, "HUF": 17_500}
LEAST |= {"JPY": 50, "MXN": 1_000, "MYR": 200, "NOK": 300, "PLN": 200, "RON": 200, "SEK": 300}
LEAST |= {"THB": 1_000}


def create(db: Connection, _: Incoming, form: Parameters) -> Reply:
    """POST /v1/payment_intents: no money moves."""
    currency = form.get("currency", "")
    if not is_counted(currency.upper()):
        raise stripe.invalid(
            "currency", "parameter_missing" if not currency else "parameter_invalid"
        )
    amount = _amount(form, "amount", LARGEST, currency)
    if amount < LEAST.get(currency.upper(), 1):
        raise stripe.invalid("amount", "amount_too_small")
    metadata = stripe.metadata(form)
    method = stripe.method(form)
    intent = f"pi_{secrets.token_hex(12)}"
    db.execute(
        "INSERT INTO payment_intents"
        " (id, created, reference, amount, currency, method, status, capture_method, metadata)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            intent,
            int(now(db)),
            metadata.get("reference", ""),
            amount,
            currency.lower(),
            method,
            "requires_confirmation" if method else "requires_payment_method",
            form.get("capture_method", "automatic_async"),
            orjson.dumps(metadata).decode(),
        ),
    )
    return Reply(200, stripe.intent(find_intent(db, intent)))


def confirm(db: Connection, incoming: Incoming, form: Parameters) -> Reply:
    """POST .../confirm: ask the bank to hold the money."""
    row = _known(db, incoming)
    method = stripe.method(form) or row["method"]
    if row["status"] not in ("requires_confirmation", "requires_payment_method") or not method:
        return stripe.unexpected_state(row, "confirm")
    declined = "generic_decline" if incoming.fault == "decline" else stripe.decline_code(method)
    if declined:
        _update(db, row, status="requires_payment_method", method=None, last_error=declined)
        return stripe.declined(find_intent(db, row["id"]), declined)
    if stripe.needs_authentication(method):
        _update(db, row, status="requires_action", method=method)
    elif row["capture_method"] == "manual":
        held = {"authorised": now(db), "last_error": None}
        _update(db, row, status="requires_capture", method=method, **held)
    else:
        _update(db, row, status="succeeded", method=method, received=row["amount"], last_error=None)
        _dispute(db, row, method)
    return Reply(200, stripe.intent(find_intent(db, row["id"])))


def capture(db: Connection, incoming: Incoming, form: Parameters) -> Reply:
    """POST .../capture: take the money; the rest is released."""
    row = _known(db, incoming)
    amount = row["amount"]
    if "amount_to_capture" in form:
        amount = _amount(form, "amount_to_capture", row["amount"], row["currency"])
    if row["status"] != "requires_capture":
        return stripe.unexpected_state(row, "capture")
    if incoming.fault == "partial":
        step = multiple(row["currency"].upper())
        amount = max(amount * 2 // 5 // step, 1) * step
    _update(db, row, status="succeeded", received=amount)
    _dispute(db, row, row["method"] or "")
    return Reply(200, stripe.intent(find_intent(db, row["id"])))


def _dispute(db: Connection, row: Row, method: str) -> None:
    if "createDispute" in method:
        sandbox_later.dispute(db, find_intent(db, row["id"]))


def cancel(db: Connection, incoming: Incoming, form: Parameters) -> Reply:
    """POST .../cancel: no money can be taken after it."""
    row = _known(db, incoming)
    if row["status"] in ("succeeded", "canceled"):
        return stripe.unexpected_state(row, "cancel")
    _update(db, row, status="canceled", cancelled_by=form.get("cancellation_reason"))
    cancelled = stripe.intent(find_intent(db, row["id"]))
    sandbox_later.emit(db, "payment_intent.canceled", cancelled)
    return Reply(200, cancelled)


def refund(db: Connection, incoming: Incoming, form: Parameters) -> Reply:
    """POST /v1/refunds: return money, at most what was taken; some refunds are decided later."""
    row = find_intent(db, form.get("payment_intent", ""))
    if row["status"] != "succeeded":
        return stripe.unexpected_state(row, "refund")
    if is_disputed(db, row["id"]):
        return stripe.error(400, "charge_disputed", "This charge has been charged back.")
    left = row["received"] - _refunded(db, row["id"])
    if left <= 0:
        return stripe.error(
            400, "charge_already_refunded", "This charge has already been refunded."
        )
    amount = _amount(form, "amount", left, row["currency"]) if "amount" in form else left
    number = f"re_{secrets.token_hex(12)}"
    status, then = sandbox_later.later(row["method"] or "", incoming.fault)
    due = now(db) + sandbox_later.REFUND_SECONDS if then else None
    db.execute(
        "INSERT INTO refunds (id, created, payment_intent, amount, status, then_status, due)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (number, int(now(db)), row["id"], amount, status, then, due),
    )
    metadata = orjson.dumps(stripe.metadata(form)).decode()
    db.execute("INSERT INTO refund_metadata VALUES (?, ?)", (number, metadata))
    return Reply(200, stripe.refund(sandbox_later.find_refund(db, number), row))


def find(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/payment_intents/{id}."""
    expands = incoming.query.get("expand[]") == "latest_charge"
    return Reply(200, _shown(db, _known(db, incoming), expands=expands))


def listed(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/payment_intents: the newest first, a page of them."""
    _, _, limit = slice_of(incoming)
    where, values = "", tuple[Any, ...]()
    if after := incoming.query.get("starting_after"):
        row = find_intent(db, after)
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
        refunded, disputed = _refunded(db, row["id"]), is_disputed(db, row["id"])
        shown["latest_charge"] = stripe.charge(row, refunded, disputed=disputed)
    return shown


def refunds(db: Connection, incoming: Incoming) -> Reply:
    """GET /v1/refunds?payment_intent=."""
    row = find_intent(db, incoming.query.get("payment_intent", ""))
    found = db.execute(
        f"{sandbox_later.REFUNDS} WHERE payment_intent = ? ORDER BY created DESC, id DESC",
        (row["id"],),
    )
    data = [stripe.refund(one, row) for one in found]
    return Reply(200, {"object": "list", "url": "/v1/refunds", "has_more": False, "data": data})


def _idempotent(allowed: frozenset[str], act: Act) -> Idempotent:
    """A POST: the same key brings the same answer, the same key with other parameters an error."""
    return Idempotent(lambda incoming: stripe.form(incoming.content, allowed), act, _on_time)


def _on_time(db: Connection) -> float:
    """The provider's time, after what was due by then has happened."""
    happen(db)
    return now(db)


def _timely(work: Work) -> Work:
    """The work of an operation, after what was due by then has happened."""

    def timely(db: Connection, incoming: Incoming) -> Reply:
        happen(db)
        return work(db, incoming)

    return timely


def _known(db: Connection, incoming: Incoming) -> Row:
    return find_intent(db, incoming.path["id"])


def _amount(form: Parameters, name: str, most: int, currency: str) -> int:
    """An amount as Stripe counts this currency. Raises Refusal."""
    amount = stripe.amount(form, name, most)
    if amount % multiple(currency.upper()):
        raise stripe.invalid(name, "parameter_invalid_integer")
    return amount


def _update(db: Connection, row: Row, **values: Any) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    db.execute(
        f"UPDATE payment_intents SET {columns} WHERE id = ?",  # noqa: S608 - columns of ours
        (*values.values(), row["id"]),
    )


def _refunded(db: Connection, intent: str) -> int:
    rows = db.execute(
        "SELECT coalesce(sum(amount), 0) FROM refunds"
        " WHERE payment_intent = ? AND status NOT IN ('failed', 'canceled')",
        (intent,),
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
    Operation("payments.list", "GET", "/v1/payment_intents", _subject, _timely(listed)),
    Operation("payments.find", "GET", ONE, _subject, _timely(find)),
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
        faults=("partial",),
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
        faults=("pending", "fail", "reject"),
    ),
    Operation("payments.refunds", "GET", "/v1/refunds", _subject, _timely(refunds)),
    Operation("payments.disputes", "GET", "/v1/disputes", _subject, _timely(disputes)),
    Operation(
        "payments.close_dispute", "POST", "/v1/disputes/{id}/close", by_none, _timely(close_dispute)
    ),
    Operation("payments.events", "GET", "/v1/events", by_none, _timely(events)),
    Operation(
        "payments.add_endpoint",
        "POST",
        "/v1/webhook_endpoints",
        by_none,
        _idempotent(frozenset({"url", "enabled_events"}), add_endpoint),
    ),
    Operation(
        "payments.set_forward", "POST", "/payments/clock", by_none, set_forward, recorded=False
    ),
)
