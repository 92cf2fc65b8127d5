"""Redaction of personal data in texts that others than that person see.

Logs, errors of dead letters and texts in the UI pass through here. The journal keeps the bodies of
items unchanged.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

MASK = "[redacted]"
LEAST_CARD, MOST_CARD = 13, 19
EMAIL = re.compile(r"[\w.%+-][\w.%+'-]{0,63}(?:@|%40)[\w.-]{1,190}\.\w{2,24}")
CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])", re.ASCII)
PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{2,4}(?:[ -]?\d{2,4}){1,3}"
    r"|\(?\d{3}\)?[ -]\d{3}[ -]\d{4}|1[3-9]\d{9})(?![\w-])",
    re.ASCII,
)
# Members that hold a name or a part of an address: of JSON, of a form, or of what Python shows of an object.
_PERSONAL = (
    "(?:first_?|last_?|full_?|given_?|family_?|sur|user)?name|recipient|addressee|company"
    "|line_?[12]|street|postal_?code|zip(?:_?code)?|phone(?:_?number)?|telephone|mobile|e-?mail"
)
FIELDS = re.compile(
    rf"""((\\?["'])(?:{_PERSONAL})\2\s*:\s*(?:\\?["']))(?:[^"'\\]|\\[^"'])*""", re.IGNORECASE
)
FORM = re.compile(rf"\b((?:\w+\[)?(?:{_PERSONAL})\]?=)[^&\s,;)'\"]+", re.IGNORECASE)
STREET = re.compile(
    r"\b\d{1,5}[a-z]? (?:[A-Z][\w'-]{1,30} ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Way|Square|Place)\b\.?"
)


def redacted(text: str) -> str:
    """The text without e-mail addresses, card and telephone numbers, and lines of addresses.

    A name in the middle of a sentence is not recognised; one that is the value of a member is.
    """
    text = FIELDS.sub(rf"\1{MASK}", text)
    text = FORM.sub(rf"\1{MASK}", text)
    text = STREET.sub(MASK, text)
    text = EMAIL.sub(MASK, text)
    text = CARD.sub(lambda found: MASK if _is_card(found[0]) else found[0], text)
    return PHONE.sub(MASK, text)


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """A processor of structlog: redacts every text of a log line, also within lists and mappings."""
    for name, value in event.items():
        if name not in {"timestamp", "item", "trace"}:
            event[name] = _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redacted(value)
        case int() | float() | None:
            return value
        case Mapping():
            return {_redacted(key): _redacted(one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted(one) for one in value]
    return redacted(repr(value))


def _is_card(text: str) -> bool:
    """Whether the digits pass Luhn's check, as all payment cards do (ISO/IEC 7812-1)."""
    digits = [int(character) for character in text if character.isdigit()]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
