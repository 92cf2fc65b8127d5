"""What a URL may lead to: no scheme, host, address or redirect of the bad-input matrix gets through."""

import pytest

from agents.runtime.errors import TransientError
from agents.services.fetching.addresses import AddressNotAllowed, checked, place_of

NOBODY: frozenset[str] = frozenset()

REFUSED = [
    ("file:///etc/passwd", "scheme"),
    ("gopher://127.0.0.1:70/x", "scheme"),
    ("ftp://example.com/x", "scheme"),
    ("http:///nowhere", "host"),
    ("http://user@127.0.0.1/", "host"),
    ("http://user:secret@example.com/", "host"),
    ("http://127.0.0.1\\@example.com/", "host"),
    ("http://127.0.0.1/", "address"),
    ("http://127.1/", "address"),
    ("http://0x7f000001/", "address"),
    ("http://2130706433/", "address"),
    ("http://localhost/", "address"),
    ("http://[::1]/", "address"),
    ("http://[::ffff:127.0.0.1]/", "address"),
    ("http://[64:ff9b::7f00:1]/", "address"),
    ("http://[2002:7f00:1::]/", "address"),
    ("http://169.254.169.254/latest/meta-data", "address"),
    ("http://100.64.0.1/", "address"),
    ("http://10.0.0.1/", "address"),
    ("http://192.168.1.1/", "address"),
    ("http://192.0.0.8/", "address"),
    ("http://0.0.0.0/", "address"),
    ("http://224.0.0.1/", "address"),
    ("http://[fe80::1]/", "address"),
    ("http://[fd00::1]/", "address"),
    ("http://127.0.0.1:99999/", "malformed"),
    ("http://[::1/", "malformed"),
]


@pytest.mark.parametrize("url,rule", REFUSED)
async def test_what_is_never_fetched(url: str, rule: str) -> None:
    with pytest.raises(AddressNotAllowed) as refused:
        await checked(place_of(url), NOBODY)
    assert refused.value.rule == rule


@pytest.mark.parametrize("url", ["http://93.184.215.14/a?b=1", "https://[2606:4700::1111]/"])
async def test_public_addresses_are(url: str) -> None:
    target = await checked(place_of(url), NOBODY)
    assert target.address in url


async def test_only_the_very_host_and_port_are_allowed() -> None:
    allowed = frozenset({"127.0.0.1:8080"})
    assert (await checked(place_of("http://127.0.0.1:8080/x?y"), allowed)).path == "/x?y"
    for url in ("http://127.0.0.1:8081/", "http://localhost:8080/", "https://127.0.0.1/"):
        with pytest.raises(AddressNotAllowed):
            await checked(place_of(url), allowed)


async def test_a_name_without_an_address_is_tried_again() -> None:
    with pytest.raises(TransientError, match="no address now"):
        await checked(place_of("http://nothing.invalid/"), NOBODY)
