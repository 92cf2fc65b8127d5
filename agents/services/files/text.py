"""The form of text from outside: NFC, without NUL and lone surrogates."""

import re
import unicodedata

from agents.services.files.limits import Limits
from agents.services.files.outcomes import Fault

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str, limits: Limits) -> str | Fault:
    """The text in Unicode's composed form (NFC), or why it is refused."""
    if "\0" in text:
        return Fault("nul", "", "holds a NUL character")
    if text.isascii():
        size = len(text)
    elif _SURROGATE.search(text):
        return Fault("lone-surrogate", "", "holds half of a character (a lone surrogate)")
    else:
        text = unicodedata.normalize("NFC", text)
        size = len(text.encode())
    if size > limits.field_bytes:
        return Fault("field-too-long", "", f"longer than {limits.field_bytes} bytes")
    return text
