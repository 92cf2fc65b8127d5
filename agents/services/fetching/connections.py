"""Connections to foreign hosts: to the one address that was checked, and never past a redirect."""

from collections.abc import Mapping

import httpx

from agents.services.fetching.addresses import PORTS, Place, Target
from agents.services.http import KEEP_ALIVE_SECONDS
from agents.services.proxies import TunnelTransport, proxy_for, tls


def opened(place: Place, connect: float, read: float) -> httpx.AsyncClient:
    """A client of one host; its proxy, if there is one, connects to the address that was checked.

    `connect` and `read` are seconds to connect and to wait for each part of an answer.
    """
    limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE_SECONDS)
    proxy = proxy_for(place.url)
    return httpx.AsyncClient(
        follow_redirects=False,
        trust_env=False,
        verify=tls(),
        timeout=httpx.Timeout(read, connect=connect),
        limits=limits,
        transport=TunnelTransport(proxy, limits) if proxy else None,
    )


def request_to(
    client: httpx.AsyncClient,
    method: str,
    target: Target,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> httpx.Request:
    """A request to the checked address; host name and certificate stay those of the URL."""
    address = f"[{target.address}]" if ":" in target.address else target.address
    is_default = target.port == PORTS[target.scheme]
    host = target.host if is_default else f"{target.host}:{target.port}"
    own = {"Host": host, "Accept-Encoding": "identity", "User-Agent": "agent-flows"}
    return client.build_request(
        method,
        f"{target.scheme}://{address}:{target.port}{target.path}",
        headers={**own, **headers},
        content=content,
        extensions={"sni_hostname": target.host},
    )
