"""Texts keep the joiners of their script, and an address is one that mail can be delivered to."""

import pytest
from pydantic import TypeAdapter, ValidationError

from agents.workflow.fields import INTAKE, Email, Text

EMAIL, TEXT = TypeAdapter[str](Email), TypeAdapter[str](Text)


@pytest.mark.parametrize(
    "text",
    [
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian: a non-joiner in a name
        "\u0915\u094d\u200d\u0937",  # Devanagari: a joiner asks for the half form
        "\u0d05\u0d35\u0d28\u0d4d\u200d",  # Malayalam: a chillu at the end of a word
        "\U0001f469\u200d\U0001f4bb",  # emoji: woman at a computer
        "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f468",  # with skin tone and selector
    ],
)
def test_a_joiner_is_orthography(text: str) -> None:
    assert TEXT.validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    ["A\u200dnn", "\u200dx", "\u00e9\u200d\u200dx", "a\u200bb", "\u00e9\u200bx", "\u00e9\u202ex",
     "\u200f\u05d0", "\u00e9\u2060x", "\ufeffx", "\u00e9\u00adx"],
)  # fmt: skip
def test_what_joins_nothing_or_turns_the_text_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="cannot be seen"):
        TEXT.validate_python(text)


@pytest.mark.parametrize(
    "address",
    ["ann@example.com", "Ann@EXAMPLE.com", "o'b@example.com", "a+b=c!%#@sub.example.com",
     "ann@xn--bcher-kva.example"],
)  # fmt: skip
def test_an_address_in_ascii_stays_as_it_is(address: str) -> None:
    assert EMAIL.validate_python(address, context=INTAKE) == address


@pytest.mark.parametrize(
    "address,stored",
    [
        ("ann@b\u00fccher.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example"),
        ("ann@\u0434\u043e\u043c.\u0440\u0444", "ann@xn--d1aqf.xn--p1ai"),
        ("ann@example\u3002com", "ann@example.com"),
    ],
)
def test_an_internationalised_domain_is_stored_in_punycode(address: str, stored: str) -> None:
    assert EMAIL.validate_python(address, context=INTAKE) == stored


@pytest.mark.parametrize(
    "address",
    ["jos\u00e9@example.com", "\u0434@\u0434\u043e\u043c.\u0440\u0444", '"ann lee"@example.com',
     '"ann"@example.com', "a..b@example.com", ".a@example.com", "a.@example.com",
     "a@example.com.", "a@example..com", "a@-x.com", "a@ex_ample.com", "a@localhost", "a@nowhere",
     "a@[192.0.2.1]", "a@192.0.2.1", "a@x.invalid", "a@xn--zzzzzz.com", "a@" + "x" * 64 + ".com",
     "Ann <ann@example.com>", "a@b.com,c@d.com"],
)  # fmt: skip
def test_an_address_without_delivery_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        EMAIL.validate_python(address, context=INTAKE)


def test_an_address_that_was_accepted_earlier_is_read_as_it_is() -> None:
    assert EMAIL.validate_python("jos\u00e9@b\u00fccher.example") == "jos\u00e9@b\u00fccher.example"
