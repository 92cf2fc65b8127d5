"""Closed by default: nobody but this machine reaches a gateway that cannot tell its callers apart."""

import ipaddress

from agents.runtime.errors import AgentError
from agents.runtime.journal import api_keys
from agents.runtime.journal.database import Database
from agents.runtime.settings import Settings


class NotClosed(AgentError):
    """The gateway would be open to others without the means to know them; it does not start."""

    def __init__(self, host: str, missing: str) -> None:
        super().__init__(host, missing)
        self.host, self.missing = host, missing

    def __str__(self) -> str:
        return f"the gateway does not listen on {self.host}, which others can reach: {self.missing}"


async def require_closed(host: str, database: Database, settings: Settings) -> None:
    """Check that a gateway may listen on this host. Raises NotClosed.

    The loopback interface needs nothing. Others need a key that is in use or settings for JSON Web
    Tokens, and the names under which callers reach it.
    """
    if is_loopback(host):
        return
    if settings.jwt is None and not await api_keys.any_in_use(database):
        raise NotClosed(
            host,
            "there is no API key: make one with `uv run python -m deployments.gateway.trust.new_key`",
        )
    if not settings.gateway_hosts:
        raise NotClosed(
            host, "set AGENT_FLOWS_GATEWAY_HOSTS to the names under which callers reach it"
        )


def is_loopback(host: str) -> bool:
    """Whether this host is reached without a network."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
