"""The sandbox's part of any system that holds things under keys: the contract of agents/services/keyed.py."""

import time
from collections.abc import Callable
from functools import partial
from sqlite3 import Connection, Row

import orjson

from agents.services.http import Body
from agents.services.sandbox.operation import Incoming, Operation, Refusal, Reply, by_key


def register_operation(system: str, entry: Callable[[str], Body | None]) -> Operation:
    """The operation <system>.find of a register that is only asked; `entry` is what it has under a key."""

    def find(_: Connection, incoming: Incoming) -> Reply:
        found = entry(incoming.path["key"])
        return Reply(404, {"error": "unknown_key"}) if found is None else Reply(200, found)

    return Operation(f"{system}.find", "GET", f"/{system}/{{key:path}}", by_key, find)


def keyed_operations(system: str) -> tuple[Operation, ...]:
    """The operations of a system under /<system>: <system>.make, <system>.find and <system>.close."""
    path = f"/{system}/{{key:path}}"
    return (
        Operation(f"{system}.make", "PUT", path, by_key, partial(_make, system)),
        Operation(f"{system}.find", "GET", path, by_key, partial(_find, system)),
        Operation(f"{system}.close", "DELETE", path, by_key, partial(_close, system)),
    )


def _make(system: str, db: Connection, incoming: Incoming) -> Reply:
    key, body = incoming.path["key"], incoming.json()
    known = _thing(db, system, key)
    if known is None:
        _insert(db, (system, key), "open", body)
        return _find(system, db, incoming)
    if known["status"] == "closed":
        raise Refusal(Reply(409, {"error": "closed"}))
    if orjson.loads(known["body"]) != body:
        raise Refusal(Reply(409, {"error": "other_body"}))
    return _reply(known)


def _find(system: str, db: Connection, incoming: Incoming) -> Reply:
    known = _thing(db, system, incoming.path["key"])
    if known is None:
        raise Refusal(Reply(404, {"error": "unknown_key"}))
    return _reply(known)


def _close(system: str, db: Connection, incoming: Incoming) -> Reply:
    key = incoming.path["key"]
    if _thing(db, system, key) is None:
        _insert(db, (system, key), "closed", {})
    db.execute("UPDATE things SET status = 'closed' WHERE system = ? AND key = ?", (system, key))
    return _find(system, db, incoming)


def _insert(db: Connection, of: tuple[str, str], status: str, body: object) -> None:
    db.execute(
        "INSERT INTO things (system, key, status, body, created) VALUES (?, ?, ?, ?, ?)",
        (*of, status, orjson.dumps(body).decode(), time.time()),
    )


def _thing(db: Connection, system: str, key: str) -> Row | None:
    row: Row | None = db.execute(
        "SELECT * FROM things WHERE system = ? AND key = ?", (system, key)
    ).fetchone()
    return row


def _reply(row: Row) -> Reply:
    body = orjson.loads(row["body"])
    return Reply(200, {"id": f"{row['n']:08d}", "status": row["status"], "body": body})
