"""Redaction of personal data in texts that others than that person see.

Logs, errors of dead letters and texts in the UI pass through here. The journal keeps the bodies of
items unchanged.
"""

import re
from collections.abc import MutableMapping
from typing import Any

MASK = "[redacted]"
LEAST_CARD, MOST_CARD = 13, 19
EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}")
CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])", re.ASCII)
PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{2,4}(?:[ -]?\d{2,4}){1,3}"
    r"|\(?\d{3}\)?[ -]\d{3}[ -]\d{4}|1[3-9]\d{9})(?![\w-])",
    re.ASCII,
)
# Members of JSON that hold parts of an address.
FIELDS = re.compile(r'(\\?"(?:line1|line2|postal_code|email)\\?":\s*\\?")(?:[^"\\]|\\[^"])*(\\?")')


def redacted(text: str) -> str:
    """The text without e-mail addresses, card and telephone numbers, and lines of addresses."""
    text = FIELDS.sub(rf"\1{MASK}\2", text)
    text = EMAIL.sub(MASK, text)
    text = CARD.sub(lambda found: MASK if _is_card(found[0]) else found[0], text)
    return PHONE.sub(MASK, text)


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """A processor of structlog: redacts every text of a log line."""
    for name, value in event.items():
        if isinstance(value, str) and name not in {"timestamp", "item", "trace"}:
            event[name] = redacted(value)
    return event


def _is_card(text: str) -> bool:
    """Whether the digits pass Luhn's check, as all payment cards do (ISO/IEC 7812-1)."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
