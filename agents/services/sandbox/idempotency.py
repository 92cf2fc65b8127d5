"""Idempotency keys as Stripe documents them: each answer is stored under its key and sent again, failures too.

An answer is stored once execution has begun. Parameters that fail validation, a rate limit and a call
that never arrived leave the key unused. While the first call is in work, another one gets 409. After 24
hours a key may be forgotten, and is then a new one.

Sources: https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/error-low-level, and for
the form of the 409 https://github.com/beam-community/stripity-stripe/issues/564.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from sqlite3 import Connection, Row

import orjson

from agents.runtime.clock import clock
from agents.services.http import LONGEST_KEY, REPLAYED
from agents.services.sandbox.operation import Incoming, Refusal, Reply

KEY_SECONDS = 86_400.0
FAILED = Reply(500, {"error": {"type": "api_error", "message": "An unknown error occurred."}})

Parameters = Mapping[str, str]
Act = Callable[[Connection, Incoming, Parameters], Reply]

_in_work: set[str] = set()


class Idempotent:
    """The work of an operation whose answers are stored under the key of the call.

    `read` gives the parameters and raises Refusal if they are not valid; `act` does the work; `now` is the
    clock of the system, in seconds since 1970. The faults `error` and `failure` are a stored status 500,
    after the work or without it.
    """

    def __init__(
        self,
        read: Callable[[Incoming], Parameters],
        act: Act,
        now: Callable[[Connection], float] = lambda _: clock().time(),
    ) -> None:
        self._read, self._act, self._now = read, act, now

    def __call__(self, db: Connection, incoming: Incoming) -> Reply:
        """The stored answer, or that of the work. Raises Refusal."""
        now = self._now(db)
        parameters, key = self._read(incoming), key_of(incoming)
        if not key:
            return self._answer(db, incoming, parameters)
        if len(key) > LONGEST_KEY:
            raise _misused(f"Idempotency keys may be at most {LONGEST_KEY} characters.")
        if key in _in_work:
            raise Refusal(_error(409, "invalid_request_error", _IN_USE, "idempotency_key_in_use"))
        fingerprint = _fingerprint(incoming, parameters)
        if (saved := _saved(db, key, now)) is not None:
            return _replayed(saved, fingerprint)
        reply = self._answer(db, incoming, parameters)
        body = orjson.dumps(reply.body).decode()
        db.execute(
            "INSERT INTO idempotency_keys VALUES (?, ?, ?, ?, ?)",
            (key, now, fingerprint, reply.status, body),
        )
        return reply

    def _answer(self, db: Connection, incoming: Incoming, parameters: Parameters) -> Reply:
        if incoming.fault == "failure":
            return FAILED
        reply = self._act(db, incoming, parameters)
        return FAILED if incoming.fault == "error" else reply


@contextmanager
def in_work(incoming: Incoming) -> Iterator[None]:
    """Within the block the call is not finished, and another one with its key gets 409."""
    key = key_of(incoming)
    _in_work.add(key)
    try:
        yield
    finally:
        _in_work.discard(key)


def key_of(incoming: Incoming) -> str:
    """The idempotency key of a call, if it has one."""
    return incoming.headers.get("idempotency-key", "")


_IN_USE = (
    "There is currently another in-progress request using this Idempotent Key (that probably means "
    "you submitted twice, and the other request is still going through). Please try again later."
)


def _saved(db: Connection, key: str, now: float) -> Row | None:
    oldest = now - KEY_SECONDS
    db.execute("DELETE FROM idempotency_keys WHERE key = ? AND created < ?", (key, oldest))
    row: Row | None = db.execute("SELECT * FROM idempotency_keys WHERE key = ?", (key,)).fetchone()
    return row


def _replayed(saved: Row, fingerprint: str) -> Reply:
    if saved["fingerprint"] != fingerprint:
        raise _misused("Keys for idempotent requests can only be used with the same parameters.")
    return Reply(saved["status"], orjson.loads(saved["body"]), {REPLAYED: "true"})


def _fingerprint(incoming: Incoming, parameters: Parameters) -> str:
    return hashlib.sha256(orjson.dumps([incoming.url, sorted(parameters.items())])).hexdigest()


def _misused(message: str) -> Refusal:
    return Refusal(_error(400, "idempotency_error", message))


def _error(status: int, kind: str, message: str, code: str = "") -> Reply:
    body = {"type": kind, "message": message, **({"code": code} if code else {})}
    return Reply(status, {"error": body})
