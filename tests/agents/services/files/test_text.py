"""Text has one form, or is refused."""

import pytest

from agents.services.files.limits import Limits
from agents.services.files.outcomes import Fault
from agents.services.files.text import clean

LIMITS = Limits(field_bytes=4)


@pytest.mark.parametrize(
    "text, form",
    [("", ""), ("abcd", "abcd"), ("e\u0301", "\u00e9"), ("\u212b", "\u00c5"), ("\ufeff", "\ufeff")],
)
def test_text_is_composed(text: str, form: str) -> None:
    assert clean(text, LIMITS) == form


@pytest.mark.parametrize(
    "text, rule",
    [
        ("a\0", "nul"),
        ("\ud800", "lone-surrogate"),
        ("\udfff\u00e9", "lone-surrogate"),
        ("abcde", "field-too-long"),
        ("\u00e9\u00e9a", "field-too-long"),
    ],
)
def test_other_text_is_refused(text: str, rule: str) -> None:
    found = clean(text, LIMITS)
    assert isinstance(found, Fault)
    assert found.rule == rule
