"""The sandbox's messenger: it records every message, duplicates too, as a messenger knows no keys.

It refuses what the HTTP interfaces of mail services refuse, with status 422: an address that is not one
mailbox in ASCII, an empty text, a subject that would end its header, a receiver who is blocked.
Source: Postmark, "What does Error Code 300 mean?" and the list of its API error codes (300, 406).
"""

import time
from sqlite3 import Connection
from typing import Any

from agents.services.notifications.mailbox import BadAddress, mailbox
from agents.services.notifications.protocol import EMAIL
from agents.services.sandbox.operation import Incoming, Operation, Refusal, Reply

SCHEMA = """
CREATE TABLE IF NOT EXISTS notifications (
  n INTEGER PRIMARY KEY, at REAL NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL,
  receiver TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL);
"""

FIELDS = ("key", "channel", "to", "subject", "text")
LONGEST_SUBJECT = 2000  # Postmark's limit


def send(db: Connection, incoming: Incoming) -> Reply:
    """Record a message; of a lost one only the call is recorded."""
    message = incoming.json()
    if bad := [name for name in FIELDS if not isinstance(message.get(name), str)]:
        raise Refusal(
            Reply(400, {"error": "bad_message", "message": f"not a text: {', '.join(bad)}"})
        )
    if problem := _problem(message, blocked=incoming.fault == "refuse"):
        raise Refusal(Reply(422, {"error": problem}))
    if incoming.fault != "lost":
        db.execute(
            "INSERT INTO notifications (at, key, channel, receiver, subject, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (time.time(), *(message[name] for name in FIELDS)),
        )
    return Reply(202, {"status": "accepted", "to": message["to"]})


def _problem(message: dict[str, Any], *, blocked: bool) -> str:
    """Why a mail service would refuse the message; empty if it would not."""
    if blocked:
        return "inactive_recipient"
    subject = message["subject"]
    if len(subject) > LONGEST_SUBJECT or len(subject.splitlines()) > 1:
        return "bad_subject"
    if not message["text"].strip():
        return "no_text"
    return "" if message["channel"] != EMAIL or _is_mailbox(message["to"]) else "bad_address"


def _is_mailbox(address: str) -> bool:
    try:
        return address.isascii() and mailbox(address).address == address
    except BadAddress:
        return False


def _subject(_: Connection, incoming: Incoming) -> tuple[str, str]:
    return str(incoming.json().get("key", "")), ""


OPERATIONS = (
    Operation(
        "notifications.send", "POST", "/notifications", _subject, send, faults=("lost", "refuse")
    ),
)
