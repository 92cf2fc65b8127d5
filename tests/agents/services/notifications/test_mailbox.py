"""Addresses: every one that RFC 5321 allows is taken as it stands, every other one is refused."""

import pytest
from hypothesis import given

from agents.services.notifications.mailbox import BadAddress, Mailbox, mailbox
from tests.agents.services.notifications.addresses import ADDRESSES

LONG = "a" * 64


@given(ADDRESSES)
def test_a_valid_address_stays_as_it_is(address: str) -> None:
    found = mailbox(address)
    assert found.address == address
    assert not found.international


@pytest.mark.parametrize(
    "address",
    [
        "o'b@example.com",
        '"a b"@example.com',
        '"a@b"@example.com',
        r'"a\"b"@example.com',
        '""@example.com',
        f"{LONG}@example.com",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "a@xn--bcher-kva.example",
        "a@b",
    ],
)
def test_unusual_addresses_are_valid(address: str) -> None:
    assert mailbox(address).address == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@example.com",
        "a@",
        "a@b@example.com",
        "a..b@example.com",
        ".a@example.com",
        "a.@example.com",
        "a b@example.com",
        "a@b c.com",
        "a@example..com",
        "a@-example.com",
        "a@example_shop.com",
        "a@example.com.",
        "a@[300.0.0.1]",
        "a@[IPv6:fe80::1%eth0]",
        "a@[x]",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "ann@example.com, eve@example.com",
        "ann@example.com (Ann)",
        "a(b)@example.com",
        "ann@example.com\r\nRCPT TO:<eve@example.com>",
        "ann\n@example.com",
        "ann\u200b@example.com",
        "ann\x00@example.com",
        f"{LONG}a@example.com",
        f"a@{'.'.join(['b' * 63] * 4)}",
        f"a@{'b' * 64}.com",
        "a@\u2025.com",
    ],
)
def test_what_is_no_mailbox_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(BadAddress) as caught:
        mailbox(address)
    assert len(address) < 4 or address not in str(caught.value)


@pytest.mark.parametrize(
    "domain,ascii_domain",
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("Bücher.Example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),  # IDNA 2003 made another domain of it
        ("例え.example", "xn--r8jz45g.example"),
    ],
)
def test_a_domain_is_converted_to_ascii(domain: str, ascii_domain: str) -> None:
    assert mailbox(f"o'b@{domain}") == Mailbox("o'b", ascii_domain)


def test_letters_beyond_ascii_before_the_at_need_a_server_that_takes_them() -> None:
    found = mailbox("jörg@bücher.example")
    assert found.international
    assert found.address == "jörg@xn--bcher-kva.example"
