"""Field types for what comes from outside: texts that a person can see, codes, amounts, instants."""

import re
import unicodedata
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
)

UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
UNSEEN = frozenset("\u034f\u115f\u1160\u3164\uffa0")  # letters and marks by category, yet invisible
JOINERS = frozenset("\u200c\u200d")  # orthography in Persian, Indic scripts and emoji
INTAKE = {"intake": True}  # pydantic's context of what comes in; what is stored is read without it
LONGEST = (
    1024  # a longer text is too long for every field: to read each of its characters only costs
)
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class BrokenRule(ValueError):
    """A value breaks a rule that pydantic has no word for; raise it in a validator of a field."""

    def __init__(self, rule: str, limit: str | int | None, message: str) -> None:
        super().__init__(rule, limit, message)
        self.rule, self.limit, self.message = rule, limit, message

    def __str__(self) -> str:
        return self.message


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def visible_text(value: object) -> object:
    """The text in NFC. Raises BrokenRule for a character that cannot be seen: it could forge a header.

    A zero-width joiner or non-joiner may follow a letter, sign or picture outside ASCII, which it
    joins or parts: https://www.unicode.org/faq/indic.html, UTS #51 for emoji.
    """
    if (
        not isinstance(value, str)
        or len(value) > LONGEST
        or (value.isascii() and value.isprintable())
    ):
        return value
    for before, character in pairwise(f" {value}"):
        is_joined = character in JOINERS and not before.isascii() and before not in JOINERS
        if not is_joined and _is_unseen(character):
            limit = _code_point(character)
            raise BrokenRule("control-character", limit, "has a character that cannot be seen")
    return unicodedata.normalize("NFC", value)


def _is_unseen(character: str) -> bool:
    return character in UNSEEN or unicodedata.category(character) in UNSEEN_CATEGORIES


def ascii_text(value: object) -> object:
    """The text as it is. Raises BrokenRule for look-alikes of ASCII letters, also those that NFC mends."""
    shown = visible_text(value)
    if isinstance(value, str) and isinstance(shown, str) and not value.isascii():
        foreign = next(character for character in shown + value if not character.isascii())
        raise BrokenRule("confusable", _code_point(foreign), "has a character outside ASCII")
    return value


def _instant(value: object) -> object:
    """A date and time from its ISO 8601 text; what is no text is left to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        if INSTANT.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass
    raise BrokenRule("date", "ISO 8601", "should be a date and time with offset")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise BrokenRule("date", "ISO 8601", "does not exist in UTC") from None


def _deliverable(value: str, info: ValidationInfo) -> str:
    """The address as every mail server takes it, an internationalised domain in punycode (RFC 5891).

    A local part outside ASCII needs SMTPUTF8 at every server on the way (RFC 6531) and is refused.
    What was accepted earlier is read as it is stored. Raises BrokenRule.
    """
    if not info.context:
        return value
    local, _, _ = value.rpartition("@")
    if not local.isascii():
        raise BrokenRule("undeliverable", "ASCII", "should have only ASCII letters before the @")
    try:
        found = validate_email(value, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        text = "is no address that mail can be delivered to"
        raise BrokenRule("undeliverable", None, text) from None
    # an ASCII address stays as it was sent, so that an order is recognised when it comes again
    return value if value.isascii() else str(found.ascii_email)


Identifier = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$"), BeforeValidator(ascii_text)
]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$"), BeforeValidator(ascii_text)]
Text = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"\S"), BeforeValidator(visible_text)
]
OptionalText = Annotated[str, Field(max_length=200), BeforeValidator(visible_text)]
Email = Annotated[
    str,
    # no comma, bracket or quote: a mail header would read them as a second receiver
    Field(max_length=254, pattern=r'^[^@\s,;:<>()\[\]"\\]{1,64}@[^@\s,;:<>()\[\]"\\]{1,190}$'),
    BeforeValidator(visible_text),
    AfterValidator(_deliverable),
]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_utc)]


class Strict(BaseModel):
    """A record, or a fact of an agent: no unknown field, no wrong type, no silent conversion."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
