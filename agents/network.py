"""What all libraries of this process, and all its children, take from the environment about the network.

**Loopback never goes through a proxy.** Prefect's client, its websockets and others take HTTP_PROXY,
HTTPS_PROXY and ALL_PROXY for addresses of this machine as well, such as the local Prefect server, unless
NO_PROXY names them. **One set of certificates.** Some libraries read SSL_CERT_FILE and others
REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE; the first one that is set holds for all.

Importing this module completes the environment; `agents.runtime`, `flows` and `deployments` do, before they
import Prefect. Sources: Python, urllib.request.getproxies (lower case goes first); httpx, Environment
Variables; requests, SSL Cert Verification.
"""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1", "127.0.0.0/8")
NO_PROXY = ("no_proxy", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name or address: localhost, 127.0.0.0/8 or ::1."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None)
    return (inner or address).is_loopback


def _complete_no_proxy() -> None:
    before = next((os.environ[name] for name in NO_PROXY if os.environ.get(name)), "")
    hosts = [host for host in before.replace(" ", ",").split(",") if host]
    server = urlsplit(os.environ.get("PREFECT_API_URL", "")).hostname or ""
    wanted = (*LOOPBACK, *([server] if is_loopback(server) else []))
    value = ",".join([*hosts, *(host for host in wanted if host not in hosts)])
    for name in NO_PROXY:
        os.environ[name] = value


def _agree_on_certificates() -> None:
    file = next((os.environ[name] for name in CERTIFICATES if os.environ.get(name)), None)
    if file is not None:
        for name in CERTIFICATES[:2]:
            os.environ.setdefault(name, file)


_complete_no_proxy()
_agree_on_certificates()
