"""Personal data is redacted; names of orders and goods stay."""

import json

import pytest

from agents.runtime.redaction import MASK, redact_event, redacted


@pytest.mark.parametrize(
    "text",
    [
        "write to ann.lee+shop@example.co.uk please",
        "my card is 4242 4242 4242 4242, ok",
        "card 4242424242424242",
        "call +49 151 2345 6789",
        "call (555) 123-4567",
        "电话13812345678",
    ],
)
def test_personal_data_is_redacted(text: str) -> None:
    result = redacted(text)
    assert MASK in result
    assert sum(c.isdigit() for c in result) == 0
    assert "@" not in result


@pytest.mark.parametrize(
    "text",
    [
        "order W2378156, item 6469567736",
        "4242424242424241 is no card",
        "USD 1,234.50 on 2026-11-25",
        "19e6a1b2-7c1d-4a1b-9f00-123456789012",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redacted(text) == text


def test_lines_of_addresses_are_redacted_in_json_and_in_nested_json() -> None:
    body = json.dumps({"address": {"line1": "1 Elm St", "city": "Reno", "postal_code": "89501"}})
    assert json.loads(redacted(body)) == {
        "address": {"line1": MASK, "city": "Reno", "postal_code": MASK}
    }
    assert "Elm" not in redacted(json.dumps({"body": body}))


def test_a_log_line_is_redacted_except_for_its_item() -> None:
    event = {"event": "sent to ann@example.com", "item": "a@example.com", "count": 3}
    assert redact_event(None, "info", event) == {
        "event": f"sent to {MASK}", "item": "a@example.com", "count": 3,
    }  # fmt: skip


HOSTILE = [
    "Stripe: No such customer: 'ann.o'lee+x@exämple.co.uk'",
    "422 from carrier: {'name': 'Ann Lee', 'line1': '1 Elm St', 'phone': '0151 2345'}",
    '{"shipping": {"recipient": "Li Wei", "full_name": "李伟"}}',
    r'{"body": "{\"customer\": {\"name\": \"Ann Lee\", \"line_2\": \"Flat 3\"}}"}',
    "POST /charge?email=ann%40example.com&name=Ann+Lee&amount=5 failed",
    "shipping[name]=Ann+Lee&shipping[phone]=555",
    "cannot deliver to 221b Baker Street, ask",
    "call (555) 123-4567 or +44 20 7946 0958",
    "declined: 4242-4242-4242-4242",
    "550 mailbox <ann.lee@example.com> unavailable",
]
SECRETS = (
    "Ann",
    "Li Wei",
    "李伟",
    "Elm",
    "0151",
    "Flat",
    "Baker",
    "123-4567",
    "7946",
    "4242",
    "exämple",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_providers_say_of_a_person_is_redacted(text: str) -> None:
    result = redacted(text)
    assert MASK in result
    assert not [secret for secret in (*SECRETS, "ann.", "555") if secret in result]


def test_values_within_values_are_redacted() -> None:
    event = {
        "event": "x",
        "left": {"ann@example.com": ["+49 151 2345 6789", 3]},
        "error": ValueError("ann@x.org"),
    }
    assert redact_event(None, "info", event) == {
        "event": "x", "left": {MASK: [MASK, 3]}, "error": f"ValueError('{MASK}')",
    }  # fmt: skip
