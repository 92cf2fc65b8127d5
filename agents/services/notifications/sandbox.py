"""The sandbox's messenger: it records every message, duplicates too, as a messenger knows no keys."""

import time
from sqlite3 import Connection

from agents.services.sandbox.operation import Incoming, Operation, Refusal, Reply

SCHEMA = """
CREATE TABLE IF NOT EXISTS notifications (
  n INTEGER PRIMARY KEY, at REAL NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL,
  receiver TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL);
"""

FIELDS = ("key", "channel", "to", "subject", "text")


def send(db: Connection, incoming: Incoming) -> Reply:
    """Record a message; of a lost one only the call is recorded."""
    message = incoming.json()
    if bad := [name for name in FIELDS if not isinstance(message.get(name), str)]:
        raise Refusal(
            Reply(400, {"error": "bad_message", "message": f"not a text: {', '.join(bad)}"})
        )
    if incoming.fault != "lost":
        db.execute(
            "INSERT INTO notifications (at, key, channel, receiver, subject, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (time.time(), *(message[name] for name in FIELDS)),
        )
    return Reply(202, {})


def _subject(_: Connection, incoming: Incoming) -> tuple[str, str]:
    return str(incoming.json().get("key", "")), ""


OPERATIONS = (
    Operation("notifications.send", "POST", "/notifications", _subject, send, faults=("lost",)),
)
