"""Which addresses may be fetched from: public ones, and those that the operator names.

Source: OWASP API Security 2023, API7 Server Side Request Forgery.
"""

import asyncio
import socket
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from agents.runtime.errors import PermanentError, TransientError

PORTS = {"http": 80, "https": 443}
# ipaddress calls some of these global, but NAT64 and similar networks lead to any IPv4 address.
NEVER = tuple(
    ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "192.0.0.0/24")
)


class AddressNotAllowed(PermanentError):
    """The URL must not be fetched."""

    def __init__(self, url: str, rule: str, reason: str) -> None:
        super().__init__(url, rule, reason)
        self.url, self.rule, self.reason = url, rule, reason

    def __str__(self) -> str:
        return f"{self.url[:200]!r} is not fetched: {self.reason} (rule {self.rule})"


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart."""

    url: str
    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Target(Place):
    """A place, and the one address that was checked and is connected to."""

    address: str


def place_of(url: str) -> Place:
    """The parts of the URL. Raises AddressNotAllowed."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise AddressNotAllowed(url, "malformed", str(error)) from None
    if parts.scheme not in PORTS:
        raise AddressNotAllowed(url, "scheme", "only http and https are allowed")
    if not parts.hostname or parts.username is not None or "\\" in url:
        raise AddressNotAllowed(url, "host", "it names no plain host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(url, parts.scheme, parts.hostname, port, path)


async def checked(place: Place, allowed: frozenset[str]) -> Target:
    """Resolve the place's host once and check every address it has.

    `allowed` are "host:port" pairs that may be private. Raises AddressNotAllowed, and TransientError if the
    name cannot be resolved now.
    """
    addresses = await _resolved(place.host, place.port)
    if f"{place.host}:{place.port}" not in allowed:
        for address in addresses:
            _require_public(place, address)
    return Target(**asdict(place), address=addresses[0])


async def _resolved(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransientError(f"{host[:100]!r} has no address now: {error}") from None
    return [str(entry[4][0]) for entry in found]


def _require_public(place: Place, address: str) -> None:
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None)
    if inner is not None:
        found = inner
    if not found.is_global or found.is_multicast or any(found in net for net in NEVER):
        own = f"""if it is your own, allow it: AGENT_FLOWS_FETCH_ALLOWED='["{place.host}:{place.port}"]'"""
        raise AddressNotAllowed(
            place.url, "address", f"its host is at {address}, which is not public; {own}"
        )
