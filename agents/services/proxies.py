"""Proxies and certificates of outside calls, as the usual variables of the environment name them."""

import base64
from collections.abc import Iterable
from functools import cache
from ssl import SSLContext
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from agents.network import is_loopback
from agents.runtime.errors import SettingsError

CONNECT_ANSWER = 16 << 10  # bytes; longest answer of a proxy to CONNECT


def proxy_for(url: str) -> str | None:
    """The proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY name for the URL; None for loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{found}" if found and "://" not in found else found


@cache
def tls() -> SSLContext:
    """The trusted certificates, or those of SSL_CERT_FILE or SSL_CERT_DIR; loaded once, as that takes long.

    Raises SettingsError if they cannot be loaded.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        problem = f"SSL_CERT_FILE, REQUESTS_CA_BUNDLE or SSL_CERT_DIR: {error}"
        raise SettingsError((problem,)) from None


class TunnelTransport(httpx.AsyncHTTPTransport):
    """Sends requests for an address through a proxy that connects to exactly this address.

    httpx would let the proxy look names up, or take the address for the name in the certificate.
    """

    def __init__(self, proxy: str, limits: httpx.Limits) -> None:
        super().__init__(verify=tls(), trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Tunnel(proxy),
        )


class _Tunnel(httpcore.AsyncNetworkBackend):
    """Opens connections by CONNECT (RFC 9110, section 9.3.6)."""

    def __init__(self, proxy: str) -> None:
        parts = urlsplit(proxy)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise httpx.ProxyError(f"a proxy of the kind {parts.scheme!r} cannot be used here")
        self._tls = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or (443 if self._tls else 80)
        self._login = ""
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            encoded = base64.b64encode(login.encode()).decode("ascii")
            self._login = f"Proxy-Authorization: Basic {encoded}\r\n"
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to this address and port, made by the proxy. Raises httpcore.ProxyError."""
        stream = await self._backend.connect_tcp(
            self._host, self._port, timeout, local_address, socket_options
        )
        try:
            if self._tls:
                stream = await stream.start_tls(tls(), self._host, timeout)
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{self._login}\r\n"
            await stream.write(request.encode("ascii"), timeout)
            await _require_connected(stream, timeout)
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def sleep(self, seconds: float) -> None:
        """Sleep, as httpcore asks it of its backend."""
        await self._backend.sleep(seconds)


async def _require_connected(stream: httpcore.AsyncNetworkStream, seconds: float | None) -> None:
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        # One byte at a time: what follows belongs to the other side.
        received = await stream.read(1, seconds)
        if not received or len(answer) > CONNECT_ANSWER:
            raise httpcore.ProxyError("the proxy ended its answer to CONNECT early")
        answer += received
    status = answer.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)[1:2]
    if not status or not status[0].startswith("2"):
        raise httpcore.ProxyError(f"the proxy answered CONNECT with {status[0] if status else '?'}")
